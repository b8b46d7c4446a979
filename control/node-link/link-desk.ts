import type { Clock } from "#shared/base/clock.ts";
import type { NodeId } from "#shared/base/ids.ts";
import type { Report } from "#shared/measures/report.ts";

import type { Log } from "../log.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { StatusWriter } from "./status-writer.ts";

/**
 * Stores a node's report. Gives the last report of its boot that is stored then, or null when the
 * store could not be asked. Never rejects.
 */
export type TakeReport = (
  node: NodeId,
  report: Report,
  clockOffsetMs: number,
) => Promise<number | null>;

/** A node's answer to a question, as it came. */
export interface HeardAnswer {
  readonly node: NodeId;
  readonly question: string;
  readonly code: string;
  readonly result: unknown;
}

/** What links turn to when something is to be done. */
export interface LinkDesk {
  readonly publisher: Publisher;
  readonly status: StatusWriter;
  readonly takeReport: TakeReport;
  /** Takes a node's answer to a question. */
  readonly answered: (answer: HeardAnswer) => void;
  readonly clock: Clock;
  readonly log: Log;
}
