import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { checkJitterShare } from "#shared/base/limits.ts";

import type { Probe, ProbeResult, ProbeTarget } from "./probe.ts";
import { afterResult, type Streak, type StreakThresholds } from "./streak.ts";

export interface HealthLoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: Probe;
}

export interface HealthLoopOptions {
  readonly target: ProbeTarget;
  readonly intervalMs: number;
  readonly thresholds: StreakThresholds;
  /** Where to begin: the initial status, or what an earlier loop knew. */
  readonly streak: Streak;
  /** Called after every check, with the streak that it led to. */
  readonly onResult: (streak: Streak, result: ProbeResult) => void;
}

export interface HealthLoop {
  readonly streak: Streak;
  /** Ends the check that is under way; nothing is reported afterwards. */
  stop(): void;
}

/**
 * Checks one target: at once, then at every interval from start to start, a little jittered so that
 * many loops drift apart. A check that outlasts its interval makes the next one start when it has
 * ended: at most one is under way.
 */
export function startHealthLoop(deps: HealthLoopDeps, options: HealthLoopOptions): HealthLoop {
  const ended = new AbortController();
  let streak = options.streak;
  let timer: Timer | undefined;

  const check = async (): Promise<void> => {
    const startedMs = deps.clock.monotonicMs();
    const result = await deps.probe(options.target, ended.signal);
    if (ended.signal.aborted) return;
    if (result.verdict !== "none") {
      streak = afterResult(streak, result.verdict === "passed", options.thresholds);
    }
    options.onResult(streak, result);
    const periodMs = jitteredMs(options.intervalMs, checkJitterShare, deps.random);
    const spentMs = deps.clock.monotonicMs() - startedMs;
    timer = deps.clock.after(Math.max(0, periodMs - spentMs), () => void check());
  };
  void check();

  return {
    get streak() {
      return streak;
    },
    stop: () => {
      timer?.stop();
      ended.abort();
    },
  };
}
