import type { EventDraft } from "../control-link/event-sender.ts";
import type { DataPlaneEvent } from "../flow/data-plane-event.ts";

/** What the control plane hears of an event of the data plane; undefined when it is for the log only. */
export function nodeEventOf(event: DataPlaneEvent): EventDraft | undefined {
  if (event.kind === "backend.up" || event.kind === "backend.down") {
    const { kind, balancer, backend, detail } = event;
    return { kind, balancer, backend, detail };
  }
  if (event.kind === "listener.lost") {
    const detail = `${event.code}: ${event.detail}`;
    return { kind: "bind.failed", balancer: event.balancer, backend: null, detail };
  }
  return undefined;
}
