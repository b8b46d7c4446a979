import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

import { cpuMs } from "./measure/process-usage.ts";

/** The host on one line. */
export function hostLine(): string {
  const processors = cpus();
  const gigabytes = (totalmem() / 2 ** 30).toFixed(0);
  const model = processors[0]?.model.trim() ?? "";
  return `host: ${processors.length} processors (${model}), ${gigabytes} GB, Linux ${release()}`;
}

/** How busy the host has been since it started, in clock ticks of 10 ms. */
export interface HostLoad {
  readonly load1: number;
  readonly all: number;
  readonly busy: number;
  /** What the hypervisor gave to others. */
  readonly stolen: number;
  /** Of this process and everything that it has started. */
  readonly ours: number;
}

export function hostLoad(): HostLoad {
  const [first = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  // user nice system idle iowait irq softirq steal, see proc(5); guest time is within user time.
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, wait = 0, , , stolen = 0] = ticks;
  const all = ticks.reduce((sum, one) => sum + one, 0);
  const ours = cpuMs(process.pid) / 10;
  return { load1: loadavg()[0] ?? 0, all, busy: all - idle - wait - stolen, stolen, ours };
}

/** What the host did between two looks, in words. */
export function loadLine(before: HostLoad, after: HostLoad): string {
  const all = Math.max(1, after.all - before.all);
  const percent = (ticks: number): string => `${Math.max(0, (ticks * 100) / all).toFixed(0)} %`;
  const busy = after.busy - before.busy;
  const ours = after.ours - before.ours;
  const stolen = percent(after.stolen - before.stolen);
  return `processors: ${percent(ours)} used by this run, ${percent(busy - ours)} by others, ${stolen} stolen; load average before it ${before.load1.toFixed(1)}`;
}
