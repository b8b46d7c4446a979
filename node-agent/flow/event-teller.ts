import type { Log } from "../runtime/log.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";
import { logEvent } from "./log-event.ts";
import type { Notice } from "./worker-protocol.ts";

/** Logs every event of the data plane and hands it to whoever listens. */
export class EventTeller {
  readonly #log: Log;
  readonly #listeners = new Set<(event: DataPlaneEvent) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Calls `listener` for every event from now on; what it returns ends that. */
  onEvent(listener: (event: DataPlaneEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: DataPlaneEvent): void {
    logEvent(this.#log, event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Tells what a worker noticed of a balancer. */
  notice(notice: Notice, balancer: string): void {
    this.tell(eventOf(notice, balancer));
  }
}

function eventOf(notice: Notice, balancer: string): DataPlaneEvent {
  switch (notice.kind) {
    case "turned-away":
      return { ...notice, kind: "clients.turned-away", balancer };
    case "dial-failed":
      return { ...notice, kind: "dials.failed", balancer };
    case "tls-refused":
      return {
        kind: "certificates.failed",
        balancer,
        detail: `${notice.code}: ${notice.detail}`,
      };
    case "backend-skipped":
      return { ...notice, kind: "backend.skipped", balancer };
    case "accept-failed":
      return { ...notice, kind: "accepts.failed", balancer };
    case "datagrams-dropped":
      return { ...notice, kind: "datagrams.dropped", balancer };
    case "sessions-evicted":
      return { ...notice, kind: "sessions.evicted", balancer };
  }
}
