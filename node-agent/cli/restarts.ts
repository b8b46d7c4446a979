import type { Clock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";

import type { RestartOutcome } from "../handover/restart-socket.ts";
import type { SuccessorProcess } from "../handover/successor-process.ts";
import type { Log } from "../runtime/log.ts";
import type { HandOverOutcome } from "./hand-over.ts";

export interface RestartsDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Why there can be no restart now; undefined when it may be tried. */
  readonly obstacle: () => string | undefined;
  readonly handOver: () => Promise<HandOverOutcome>;
  /** Everything is as it was, but it should not be. */
  readonly onFailed: (why: string) => void;
}

/** How a handover that gave everything away went. */
export type Left =
  | { readonly kind: "handed-over"; readonly successor: SuccessorProcess }
  | { readonly kind: "broken" };

/** Restarts as they are asked for: one at a time, each answered. */
export interface Restarts {
  /** Never rejects. */
  ask(): Promise<RestartOutcome>;
  /** Resolves when this process is not the agent any more. */
  readonly left: Promise<Left>;
  /** Resolves when no restart is under way. */
  settled(): Promise<void>;
}

export function createRestarts(deps: RestartsDeps): Restarts {
  const { clock, log } = deps;
  const left = Promise.withResolvers<Left>();
  let underWay: Promise<RestartOutcome> | undefined;
  let isOver = false;

  const tried = async (): Promise<RestartOutcome> => {
    const startedMs = clock.monotonicMs();
    const outcome = await deps.handOver();
    const tookMs = Math.round(clock.monotonicMs() - startedMs);
    switch (outcome.kind) {
      case "handed-over":
        isOver = true;
        left.resolve({ kind: "handed-over", successor: outcome.successor });
        log.info({ successor: outcome.pid, tookMs }, "handed over");
        return { kind: "handed-over", pid: outcome.pid, tookMs };
      case "broken":
        isOver = true;
        left.resolve({ kind: "broken" });
        log.fatal({ why: outcome.why, tookMs }, "the handover broke: the agent ends");
        return { kind: "broken", why: outcome.why };
      case "failed":
        log.error({ why: outcome.why, tookMs }, "the restart failed: the agent goes on as before");
        deps.onFailed(outcome.why);
        return { kind: "failed", why: outcome.why };
      case "refused":
        return refused(outcome.why);
    }
  };
  const refused = (why: string): RestartOutcome => {
    log.warn({ why }, "not restarted");
    return { kind: "refused", why };
  };
  const ask = async (): Promise<RestartOutcome> => {
    if (isOver) return refused("this process has handed over already");
    if (underWay !== undefined) return refused("a restart is under way");
    const why = deps.obstacle();
    if (why !== undefined) return refused(why);
    log.info({}, "restarting: a successor is started");
    underWay = tried().catch((error: unknown) => {
      log.error({ error: errorText(error) }, "the restart failed: the agent goes on as before");
      return { kind: "failed", why: errorText(error) };
    });
    return underWay.finally(() => (underWay = undefined));
  };
  return {
    ask,
    left: left.promise,
    settled: async () => {
      await underWay;
    },
  };
}
