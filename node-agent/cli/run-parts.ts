import type { Clock } from "#shared/base/clock.ts";

import type { Predecessor } from "../handover/predecessor.ts";
import type { StartSuccessor } from "../handover/successor-process.ts";
import type { AccessLog } from "../runtime/access-log.ts";
import type { Disk } from "../runtime/disk.ts";
import type { Log } from "../runtime/log.ts";
import type { StopRequest } from "../runtime/stop-requests.ts";

export interface RunDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly disk: Disk;
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
  /** Tells whoever started this process what became of it. */
  readonly tellParent: (message: object) => void;
  /** Asked to end, any number of times. */
  readonly onStopRequest: (listener: (request: StopRequest) => void) => void;
  /** Asked to restart, any number of times. */
  readonly onRestartRequest: (listener: () => void) => void;
  readonly startSuccessor: StartSuccessor;
  /** The agent whose place this one takes. */
  readonly predecessor: Predecessor | undefined;
}

/** How a run ended. */
export type RunOutcome =
  | { readonly kind: "ended" }
  /** Asked a second time, or for too long, or left by its successor: ended with connections open. */
  | { readonly kind: "cut-short" }
  | { readonly kind: "not-started"; readonly problems: readonly string[] };
