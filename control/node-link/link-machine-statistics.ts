import type { Report } from "#shared/measures/report.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import { ended } from "./link-machine-close.ts";
import { still, type LinkStep } from "./link-machine-events.ts";
import type { LinkState } from "./link-machine-state.ts";

/**
 * Takes a report when it is the one after the last. A repeated one, or one after a gap, is not
 * taken: the heartbeat that follows says which is expected.
 */
export function reported(state: LinkState, report: Report): LinkStep {
  if (report.bootId !== state.bootId) {
    return { state, effects: [{ kind: "note", note: "other-boot" }] };
  }
  if (report.seq !== state.reportsAccepted + 1) return still({ ...state, heartbeatDue: true });
  const { clockOffsetMs } = state;
  return {
    state: { ...state, reportsAccepted: report.seq },
    effects: [{ kind: "ingest", report, clockOffsetMs }],
  };
}

/**
 * What became of a report. The store knows best: when its mark is below the report, this one and
 * all after it were not taken, and the node sends them again. When it knows less than was confirmed
 * before (it was restored), the node has to introduce itself anew, to start its counting over.
 */
export function reportSettled(
  state: LinkState,
  event: { readonly bootId: string; readonly seq: number; readonly mark: number | null },
): LinkStep {
  if (event.bootId !== state.bootId) return still(state);
  if (event.mark !== null && event.mark < state.reportsStored) {
    return ended(state, { code: closeCodes.restart, reason: "reports start over" });
  }
  const stored = event.mark ?? state.reportsStored;
  const taken = stored >= event.seq;
  return still({
    ...state,
    reportsStored: stored,
    reportsAccepted: taken ? Math.max(state.reportsAccepted, stored) : stored,
    heartbeatDue: true,
  });
}
