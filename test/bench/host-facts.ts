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

/** Beyond this share of the processors, others decide what is measured. */
const othersMax = 0.1;

/** What the host did between two looks, in words; and a warning when it was not ours alone. */
export function loadLine(before: HostLoad, after: HostLoad): string {
  const all = Math.max(1, after.all - before.all);
  const ours = (after.ours - before.ours) / all;
  const others = (after.busy - before.busy) / all - ours;
  const stolen = (after.stolen - before.stolen) / all;
  const shares = `${percent(ours)} used by this run, ${percent(others)} by others, ${percent(stolen)} stolen`;
  const text = `processors: ${shares}; load average before it ${before.load1.toFixed(1)}`;
  if (others + stolen <= othersMax) return text;
  return `${text}. **The host was busy with something else: rates and latencies of this run say little, CPU per unit a bit more**`;
}

function percent(share: number): string {
  return `${Math.max(0, share * 100).toFixed(0)} %`;
}
