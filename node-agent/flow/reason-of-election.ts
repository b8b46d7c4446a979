import type { Election } from "../elect/elect.ts";
import type { CloseReason } from "../engine/engine.ts";

/** Why a client for whom nobody was elected is turned away. */
export function reasonOfElection(
  election: Exclude<Election, { kind: "chosen" }>,
): Extract<CloseReason, "no-backend" | "backends-full" | "name-refused"> {
  switch (election.kind) {
    case "none-live":
      return "no-backend";
    case "all-full":
      return "backends-full";
    case "name-refused":
      return "name-refused";
  }
}
