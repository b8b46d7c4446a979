import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { checkJitterShare } from "#shared/base/limits.ts";

import type { Probe, ProbeResult, ProbeTarget } from "./probe.ts";

export interface HealthLoopDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: Probe;
}

export interface HealthLoopOptions {
  readonly target: ProbeTarget;
  readonly intervalMs: number;
  /** Called after every check. */
  readonly onResult: (result: ProbeResult) => void;
}

export interface HealthLoop {
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
  let timer: Timer | undefined;

  const check = async (): Promise<void> => {
    const startedMs = deps.clock.monotonicMs();
    const result = await deps.probe(options.target, ended.signal);
    if (ended.signal.aborted) return;
    options.onResult(result);
    if (ended.signal.aborted) return;
    const periodMs = jitteredMs(options.intervalMs, checkJitterShare, deps.random);
    const spentMs = deps.clock.monotonicMs() - startedMs;
    timer = deps.clock.after(Math.max(0, periodMs - spentMs), () => void check());
  };
  void check();

  return {
    stop: () => {
      timer?.stop();
      ended.abort();
    },
  };
}
