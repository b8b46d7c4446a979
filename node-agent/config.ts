import { statfsSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join } from "node:path";

import { compiledCodeFreeBytesMin } from "#shared/base/limits.ts";

import { parseLine } from "./cli/command-line.ts";
import { SettingsReader, type Environment } from "./cli/settings-reader.ts";
import type { Driver } from "./engine/engine.ts";
import type { AccessLogTarget } from "./runtime/access-log.ts";
import type { LogLevel } from "./runtime/log-level.ts";

/** What `join` was told, checked. */
export interface JoinConfig {
  readonly control: URL;
  readonly token: string;
  readonly dataFolder: string;
  readonly labels: Readonly<Record<string, string>>;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
}

/** What `leave` was told, checked. */
export interface LeaveConfig {
  readonly dataFolder: string;
  /** Undefined: where the node joined. */
  readonly control: URL | undefined;
  readonly insecure: boolean;
  /** Forget the node here although the control plane does not confirm. */
  readonly force: boolean;
  readonly ca: string | undefined;
}

/** What `run` was told, checked. */
export interface RunConfig {
  readonly dataFolder: string;
  /** Undefined: where the node joined. */
  readonly control: URL | undefined;
  /** Undefined: as many as suit the host. */
  readonly workers: number | undefined;
  /** Undefined: the native engine where it loads, otherwise the portable one. */
  readonly relay: Driver | undefined;
  /** The native engine's addon; undefined: where it is built, or came with a release. */
  readonly addonFile: string | undefined;
  /** Undefined: no status port. Port 0 lets the system choose. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** Names the process to a supervisor that follows it; without one there is no restart in place. */
  readonly pidFile: string | undefined;
  /** Started by a running agent to take its place. */
  readonly succeeds: boolean;
  /** Undefined: `policy.json` in the data folder, if it is there. */
  readonly policyFile: string | undefined;
  /** Allows plain http to a control plane that is not on this host. */
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
  readonly accessLog: AccessLogTarget;
  readonly drainMs: number;
  readonly ca: string | undefined;
}

/** What the command line asks for. */
export type AgentCommand =
  | { readonly kind: "join"; readonly config: JoinConfig }
  | { readonly kind: "run"; readonly config: RunConfig }
  | { readonly kind: "restart"; readonly dataFolder: string }
  | { readonly kind: "leave"; readonly config: LeaveConfig }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/**
 * Reads the command line and the environment; the command line wins. This is the only place of the
 * agent that does. All problems come at once.
 */
export function readConfig(
  argv: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
): AgentCommand {
  const line = parseLine(argv);
  if (line.kind === "help" || line.kind === "invalid") return line;
  const read = new SettingsReader(line.options, environment);
  for (const word of line.excess) read.problem(`${word}: not known`);
  switch (line.kind) {
    case "join":
      return joinCommand(read);
    case "run":
      return runCommand(read, environment[successorVariable] !== undefined);
    case "restart":
      return restartCommand(read);
    case "leave":
      return leaveCommand(read);
  }
}

/** Set by an agent for the process that it starts to take its place. */
const successorVariable = "MIDSTREAM_SUCCEEDS";

/** The environment of a process that takes this one's place. */
export function successorEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, [successorVariable]: "1" };
}

function restartCommand(read: SettingsReader): AgentCommand {
  const dataFolder = read.dataFolder();
  return read.problems.length > 0
    ? { kind: "invalid", problems: read.problems }
    : { kind: "restart", dataFolder };
}

function leaveCommand(read: SettingsReader): AgentCommand {
  const config: LeaveConfig = {
    dataFolder: read.dataFolder(),
    control: read.movedControl(),
    insecure: read.flag("insecure"),
    force: read.flag("force"),
    ca: read.file("ca"),
  };
  return read.problems.length > 0
    ? { kind: "invalid", problems: read.problems }
    : { kind: "leave", config };
}

function joinCommand(read: SettingsReader): AgentCommand {
  const config = {
    control: read.control(),
    token: read.token(),
    dataFolder: read.dataFolder(),
    labels: read.labels(),
    ca: read.file("ca"),
  };
  const { control, token } = config;
  if (read.problems.length > 0 || control === undefined || token === undefined) {
    return { kind: "invalid", problems: read.problems };
  }
  return { kind: "join", config: { ...config, control, token } };
}

function runCommand(read: SettingsReader, succeeds: boolean): AgentCommand {
  const config: RunConfig = {
    dataFolder: read.dataFolder(),
    control: read.movedControl(),
    workers: read.workers(),
    relay: read.relay(),
    addonFile: read.addonFile(),
    admin: read.admin(),
    pidFile: read.path("pid-file"),
    succeeds,
    policyFile: read.path("policy"),
    insecure: read.flag("insecure"),
    logLevel: read.logLevel(),
    accessLog: read.accessLog(),
    drainMs: read.drainMs(),
    ca: read.file("ca"),
  };
  return read.problems.length > 0
    ? { kind: "invalid", problems: read.problems }
    : { kind: "run", config };
}

/**
 * Keeps the compiled form of everything that is loaded from now on, also by worker threads, in the
 * data folder: loading and compiling is most of what a start takes. Some 3 MB, so only where there
 * is plenty of room: a snapshot must never lack it. Threads learn of the place through the
 * environment, hence this stands here.
 */
export function keepCompiledCode(dataFolder: string): void {
  if (freeBytes(dataFolder) < compiledCodeFreeBytesMin) return;
  const folder = join(dataFolder, "compiled");
  enableCompileCache(folder);
  process.env["NODE_COMPILE_CACHE"] = folder;
}

/** 0 when the folder is not there. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
