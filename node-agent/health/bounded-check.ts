import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";

import type { ProbeResult } from "./probe.ts";

export interface BoundedCheckDeps {
  readonly clock: Clock;
  /** 0 is without limit. */
  readonly timeoutMs: number;
}

/** Ends the check; the first call counts. `detail` says why, unless it passed. */
export type Finish = (verdict: ProbeResult["verdict"], detail: string) => void;

/** Gives back what the check holds: a socket, a process. Called once. */
export type Release = () => void;

/**
 * What all checks have in common: a time limit, an early end when the signal aborts, one result, and
 * nothing left over. `begin` starts the check; what it returns is called when there is a result. A
 * check that cannot even begin says nothing about the backend.
 */
export function boundedCheck(
  { clock, timeoutMs }: BoundedCheckDeps,
  signal: AbortSignal,
  begin: (finish: Finish) => Release,
): Promise<ProbeResult> {
  const startedMs = clock.monotonicMs();
  return new Promise((resolve) => {
    let isOver = false;
    let release: Release | undefined;
    const finish: Finish = (verdict, detail) => {
      if (isOver) return;
      isOver = true;
      timer?.stop();
      signal.removeEventListener("abort", onAbort);
      release?.();
      const tookMs = clock.monotonicMs() - startedMs;
      resolve(verdict === "passed" ? { verdict, tookMs } : { verdict, tookMs, detail });
    };
    const onAbort = (): void => finish("none", "aborted");
    const timer =
      timeoutMs > 0 ? clock.after(timeoutMs, () => finish("failed", "timeout")) : undefined;
    if (signal.aborted) return finish("none", "aborted");
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      release = begin(finish);
      // It may have ended while it began, before there was anything to release.
      if (isOver) release();
    } catch (error) {
      finish("none", systemErrorCode(error) ?? "not-begun");
    }
  });
}
