import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";

/** What the agent's process takes of its host. */
export interface ProcessUsage {
  /** As it was last known; 0 when it never was. */
  readonly rssBytes: number;
  /** Processor time since the last call over elapsed time: 1 is one core. */
  readonly cpuShare: number;
}

/** The counters of the process; an argument, so that tests need no real load. */
export interface ProcessCounters {
  /** Undefined when the system does not tell: it is read from a file, which takes a descriptor. */
  rssBytes(): number | undefined;
  /** Processor time so far, user and system, in microseconds. */
  cpuMicroseconds(): number;
}

/** Measures from one call to the next; the first call looks back to the making of the meter. */
export function createUsageMeter(clock: Clock, counters = processCounters()): () => ProcessUsage {
  let lastMs = clock.monotonicMs();
  let lastCpu = counters.cpuMicroseconds();
  let rssBytes = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    const cpu = counters.cpuMicroseconds();
    const elapsedMs = Math.max(1, nowMs - lastMs);
    const cpuShare = Math.max(0, (cpu - lastCpu) / 1_000 / elapsedMs);
    [lastMs, lastCpu] = [nowMs, cpu];
    rssBytes = counters.rssBytes() ?? rssBytes;
    return { rssBytes, cpuShare: Math.round(cpuShare * 1_000) / 1_000 };
  };
}

/** How long this process has been running, in milliseconds. */
export function processAgeMs(): number {
  return process.uptime() * 1_000;
}

function processCounters(): ProcessCounters {
  return {
    rssBytes: residentBytes,
    cpuMicroseconds: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  };
}

function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch (error) {
    // Any system error says the same here: not now.
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}
