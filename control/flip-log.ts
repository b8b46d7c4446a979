import { errorText } from "#shared/base/fault.ts";

import type { Log, LogEvent, LogFields } from "./log.ts";

/** Things that fail at the same time and are told apart; beyond it, each failure is a line. */
const failingMax = 1_000;

/** What fails again and again is one line when it starts and one when it ends. */
export interface FlipLog {
  /** `subject` fails; another reason than before is a new line. */
  failed(subject: string, error: unknown, fields?: LogFields): void;
  /** `subject` works. */
  worked(subject: string): void;
}

/** Writes `part.failed` when something starts to fail, and `part.recovered` when it works again. */
export function createFlipLog(log: Log, part: string): FlipLog {
  const failing = new Map<string, string>();
  const failedEvent: LogEvent = `${part}.failed`;
  const recoveredEvent: LogEvent = `${part}.recovered`;
  return {
    failed(subject, error, fields = {}) {
      const reason = errorText(error);
      if (failing.get(subject) === reason) return;
      if (failing.size < failingMax) failing.set(subject, reason);
      log.error(failedEvent, { subject, error, ...fields });
    },
    worked(subject) {
      if (failing.delete(subject)) log.info(recoveredEvent, { subject });
    },
  };
}
