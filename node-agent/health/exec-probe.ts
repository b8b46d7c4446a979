import { spawn, type ChildProcess } from "node:child_process";

import { execCheckOutputBytesMax } from "#shared/base/limits.ts";
import type { ExecCheck } from "#shared/definition/healthcheck/exec.ts";

import { commandTerms } from "../runtime/command-environment.ts";
import { killGroup } from "../runtime/kill-group.ts";
import { boundedCheck, type BoundedCheckDeps, type Finish } from "./bounded-check.ts";
import { failureOf } from "./check-connection.ts";
import type { Probe, ProbeTarget } from "./probe.ts";

/**
 * Runs a program with the backend's host and port; what it prints decides, and any other output
 * changes nothing. An exit status other than 0, or no end in time, is unhealthy.
 *
 * It runs in a process group of its own, which is ended with it: whatever it has started is gone
 * when the check is over. Of the agent's environment it gets nothing.
 */
export function execProbe(deps: BoundedCheckDeps, check: ExecCheck): Probe {
  const judge = judgeOf(check);
  return (target, signal) =>
    boundedCheck(deps, signal, (finish) => run({ check, target, judge }, finish));
}

interface Run {
  readonly check: ExecCheck;
  readonly target: ProbeTarget;
  readonly judge: (output: string, finish: Finish) => void;
}

function run({ check, target, judge }: Run, finish: Finish): () => void {
  const child: ChildProcess = spawn(check.command, [target.host, String(target.port)], {
    ...commandTerms,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const output: Buffer[] = [];
  let bytes = 0;
  child.on("error", (error) => finish(...failureOf(error, target.host)));
  // Without a free descriptor there is no output either.
  child.stdout?.on("data", (data: Buffer) => {
    bytes += data.length;
    if (bytes <= execCheckOutputBytesMax) output.push(data);
    else finish("none", "unexpected-output");
  });
  // What it has started may hold its output open for longer than it lives.
  child.once("exit", () => killGroup(child));
  child.once("close", (status, signal) => {
    if (signal !== null) return finish("failed", `signal ${signal}`);
    if (status !== 0) return finish("failed", `exit ${status ?? "unknown"}`);
    judge(Buffer.concat(output).toString("utf8"), finish);
  });
  return () => {
    if (child.exitCode === null && child.signalCode === null) killGroup(child);
    child.stdout?.destroy();
  };
}

function judgeOf(check: ExecCheck): (output: string, finish: Finish) => void {
  const read = (text: string): string => (check.trimOutput === true ? text.trim() : text);
  const positive = read(check.expectedPositiveOutput);
  const negative = read(check.expectedNegativeOutput);
  return (output, finish) => {
    const said = read(output);
    if (said === positive) finish("passed", "");
    else if (said === negative) finish("failed", "negative-output");
    else finish("none", "unexpected-output");
  };
}
