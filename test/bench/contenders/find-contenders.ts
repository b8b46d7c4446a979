import type { ControlProcess } from "../../support/control-process.ts";
import { repository, type Cleanup } from "../../support/processes.ts";
import { findProgram, runCommand } from "../../support/run-command.ts";
import { bareRelay } from "./bare-relay.ts";
import type { Contender } from "./contender.ts";
import { envoy } from "./envoy.ts";
import { gobetween } from "./gobetween.ts";
import { haproxy } from "./haproxy.ts";
import { midstreamContender } from "./midstream.ts";
import { nginx } from "./nginx.ts";
import { peerContender, type Dialect } from "./peer.ts";

/** Programs by what names them: a variable of the environment, then the usual command. */
const peers: readonly {
  readonly name: string;
  readonly dialect: Dialect;
  readonly variable: string;
  readonly command: string | undefined;
}[] = [
  {
    name: "haproxy",
    dialect: haproxy,
    variable: "MIDSTREAM_BENCH_HAPROXY",
    command: "haproxy",
  },
  {
    name: "haproxy-newer",
    dialect: haproxy,
    variable: "MIDSTREAM_BENCH_HAPROXY_NEWER",
    command: undefined,
  },
  { name: "nginx", dialect: nginx, variable: "MIDSTREAM_BENCH_NGINX", command: "nginx" },
  { name: "envoy", dialect: envoy, variable: "MIDSTREAM_BENCH_ENVOY", command: "envoy" },
  {
    name: "gobetween",
    dialect: gobetween,
    variable: "MIDSTREAM_BENCH_GOBETWEEN",
    command: "gobetween",
  },
];

export interface FindDeps {
  /** Undefined: ours do not take part. */
  readonly control: ControlProcess | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The built limit; undefined without a compiler. */
  readonly limit: string | undefined;
  readonly cleanup: Cleanup;
  readonly isWanted: (name: string) => boolean;
}

/** Contenders that are there, and why others are not. */
export interface Found {
  readonly contenders: readonly Contender[];
  readonly absent: readonly string[];
}

/** Looks for everybody who is wanted: ours first, the peers, the limit. */
export async function findContenders(deps: FindDeps): Promise<Found> {
  const contenders: Contender[] = [];
  const absent: string[] = [];
  const { control, cleanup, isWanted } = deps;
  const version = await ownVersion();
  for (const relay of ["native", "portable"] as const) {
    if (control === undefined || !isWanted(relay)) continue;
    contenders.push(midstreamContender({ control, relay, version, cleanup }));
  }
  for (const { name, dialect, variable, command } of peers) {
    if (!isWanted(name)) continue;
    const program = await programOf(deps.environment[variable], command);
    if (program !== undefined) contenders.push(await peerContender(name, program, dialect));
    else absent.push(`${name}: not found; ${variable} may name it`);
  }
  if (!isWanted("limit")) return { contenders, absent };
  if (deps.limit === undefined) absent.push("limit: there is no cc to build it");
  else contenders.push(await limitOf(deps.limit));
  return { contenders, absent };
}

async function programOf(
  named: string | undefined,
  command: string | undefined,
): Promise<string | undefined> {
  if (named !== undefined && named !== "") return named;
  return command === undefined ? undefined : findProgram(command);
}

/** What the checkout is; a program of ours has no version of its own to tell. */
async function ownVersion(): Promise<string> {
  const described = await runCommand(["git", "describe", "--always", "--dirty", "--exclude=*"], {
    workingFolder: repository,
  });
  const commit = described.code === 0 ? described.stdout.trim() : "unknown commit";
  return `${commit}, Node ${process.version}`;
}

async function limitOf(program: string): Promise<Contender> {
  const limit = await peerContender("limit", program, bareRelay);
  const compiler = await runCommand(["cc", "--version"]);
  return { ...limit, title: "bare relay", version: `cc -O2, ${compiler.stdout.split("\n")[0]}` };
}
