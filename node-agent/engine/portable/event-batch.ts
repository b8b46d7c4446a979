import type { EngineEvent, OnEngineEvents } from "../engine.ts";

/**
 * Collects what happened while the loop handled its sockets, and tells it in one call, in order.
 * Within one turn of the loop, so a batch costs no connection any time.
 */
export class EventBatch {
  readonly #onEvents: OnEngineEvents;
  #events: EngineEvent[] = [];
  #isScheduled = false;

  constructor(onEvents: OnEngineEvents) {
    this.#onEvents = onEvents;
  }

  add(event: EngineEvent): void {
    this.#events.push(event);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.flush());
  }

  /** Tells what is waiting now instead of at the end of the turn. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#onEvents(events);
  }
}
