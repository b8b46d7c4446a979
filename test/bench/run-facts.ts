import { runCommand } from "../support/run-command.ts";
import { hostLine, loadLine, type HostLoad } from "./host-facts.ts";
import type { LoadTools } from "./load/load-tools.ts";
import type { BenchOptions } from "./options.ts";

export interface RunFacts {
  readonly options: BenchOptions;
  readonly startedAt: Date;
  readonly descriptors: number;
  readonly tools: LoadTools;
  readonly before: HostLoad;
  readonly after: HostLoad;
}

/** When, where and how it was measured, in lines. */
export async function runFacts(facts: RunFacts): Promise<readonly string[]> {
  const { options, tools } = facts;
  const { rounds, seconds, workers, pin } = options;
  const pinned = pin === undefined ? "" : `, contenders on processors ${pin}`;
  const versions = await Promise.all([
    versionLine(tools.wrk, "-v"),
    versionLine(tools.iperf3, "--version"),
  ]);
  return [
    `${facts.startedAt.toISOString().slice(0, 16)}Z; ${hostLine()}`,
    `threads of each: ${workers}; interleaved rounds: ${rounds}, of ${seconds} s each; open files: ${facts.descriptors}${pinned}`,
    `load by ${versions.filter((version) => version !== "").join(", ")}, test/bench/load/steady.c and datagrams.c`,
    loadLine(facts.before, facts.after),
    ...(options.note === undefined ? [] : [options.note]),
  ];
}

/** Name and version: the first two words. wrk says its version as a complaint. */
async function versionLine(program: string | undefined, flag: string): Promise<string> {
  if (program === undefined) return "";
  const { stdout } = await runCommand([program, flag]);
  return stdout.trim().split(/\s+/).slice(0, 2).join(" ");
}
