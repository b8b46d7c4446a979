import { parseArgs } from "node:util";

import { contenderNames } from "./contenders/contender-names.ts";
import { rowNames } from "./rows/row-names.ts";

/** What a run of the benchmark was told. */
export interface BenchOptions {
  readonly rounds: number;
  /** How long each measurement takes. */
  readonly seconds: number;
  /** Threads of every contender, and of the load generator. */
  readonly workers: number;
  /** Idle connections for the row about memory; fewer when the host's descriptors do not suffice. */
  readonly idleConnections: number;
  readonly rows: readonly string[];
  /** Those of them that are there take part. */
  readonly contenders: readonly string[];
  /** Processors for the contenders, as taskset takes them; generators and backends get the others. */
  readonly pin: string | undefined;
  /** For whoever reads the report. */
  readonly note: string | undefined;
  /** Puts the table into docs/performance.md. */
  readonly write: boolean;
}

/** What the command line asks for. */
export type BenchCommand =
  | { readonly kind: "run"; readonly options: BenchOptions }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

export const usage = `npm run bench -- [options]

  --rounds N            rounds, interleaved over the contenders (5)
  --seconds N           seconds of a measurement (2)
  --workers N           threads of each contender (1)
  --rows A,B            ${rowNames.join(", ")}
  --contenders A,B      ${contenderNames.join(", ")}
  --idle N              connections of the row idle-memory, sessions of udp-idle-memory (8000)
  --pin CPUS            contenders on these processors, everything else on the others
  --note TEXT           goes into the report
  --write               puts the tables into docs/performance.md
  --quick               one round of one second and 500 idle connections: does it work?

Programs are looked for by name; a variable names another one: MIDSTREAM_BENCH_HAPROXY,
MIDSTREAM_BENCH_HAPROXY_NEWER, MIDSTREAM_BENCH_NGINX, MIDSTREAM_BENCH_ENVOY,
MIDSTREAM_BENCH_GOBETWEEN. What is not there is named and left out.`;

const settings = {
  rounds: { type: "string" },
  seconds: { type: "string" },
  workers: { type: "string" },
  idle: { type: "string" },
  rows: { type: "string" },
  contenders: { type: "string" },
  pin: { type: "string" },
  note: { type: "string" },
  write: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Reads the command line; all problems come at once. */
export function readOptions(args: readonly string[]): BenchCommand {
  const given = parsed(args);
  if (typeof given === "string") return { kind: "invalid", problems: [given] };
  if (given.help) return { kind: "help", text: usage };
  const problems: string[] = [];
  const number = (name: "rounds" | "seconds" | "workers" | "idle", unless: number): number => {
    const value = Number(given[name] ?? unless);
    if (!Number.isInteger(value) || value < 1) problems.push(`--${name}: a number from 1 on`);
    return value;
  };
  const names = (name: "rows" | "contenders", known: readonly string[]): readonly string[] => {
    const listed = given[name]?.split(",").map((one) => one.trim()) ?? known;
    const strange = listed.filter((one) => !known.includes(one));
    problems.push(...strange.map((one) => `--${name}: ${one} is not known`));
    return listed;
  };
  const options: BenchOptions = {
    rounds: number("rounds", given.quick ? 1 : 5),
    seconds: number("seconds", given.quick ? 1 : 2),
    workers: number("workers", 1),
    idleConnections: number("idle", given.quick ? 500 : 8_000),
    rows: names("rows", rowNames),
    contenders: names("contenders", contenderNames),
    pin: given.pin,
    note: given.note,
    write: given.write,
  };
  return problems.length > 0 ? { kind: "invalid", problems } : { kind: "run", options };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: settings }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
