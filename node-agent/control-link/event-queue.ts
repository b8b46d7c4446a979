import { eventDetailCharsMax, eventsPerFrameMax, eventsWaitingMax } from "#shared/base/limits.ts";
import type { NodeEvent } from "#shared/wire/node-frames.ts";

/** Events that wait for the link. */
export interface EventQueue {
  /**
   * Adds an event, what it says cut to its bound. Of one kind about one backend (or balancer) only the
   * newest waits; when too many wait the oldest goes.
   */
  add(event: NodeEvent): void;
  /** Takes at most `count`, and at most what fits into one frame, oldest first. */
  take(count: number): readonly NodeEvent[];
  readonly size: number;
}

export function createEventQueue(): EventQueue {
  const waiting = new Map<string, NodeEvent>();
  return {
    add: (event) => {
      const key = subjectOf(event);
      // Deleted first, so that it moves to the end of the order.
      waiting.delete(key);
      waiting.set(key, { ...event, detail: event.detail.slice(0, eventDetailCharsMax) });
      const oldest = waiting.keys().next();
      if (waiting.size > eventsWaitingMax && oldest.done !== true) waiting.delete(oldest.value);
    },
    take: (count) => {
      const taken = [...waiting].slice(0, Math.min(count, eventsPerFrameMax));
      for (const [key] of taken) waiting.delete(key);
      return taken.map(([, event]) => event);
    },
    get size() {
      return waiting.size;
    },
  };
}

/** Kinds that nothing of the same topic ends. */
const onItsOwn: ReadonlySet<NodeEvent["kind"]> = new Set([
  "discovery.skipped",
  "certificates.expiring",
]);

/** Up and down, failed and recovered are about the same thing: the last one is how it stands. */
function subjectOf(event: NodeEvent): string {
  const [topic] = event.kind.split(".");
  const isOwn = topic === "snapshot" || onItsOwn.has(event.kind);
  // A balancer's sources, and its certificates, are told apart by the pointer that begins the detail.
  const hasPointer = topic === "discovery" || event.kind === "certificates.expiring";
  const [pointer] = hasPointer ? event.detail.split(" ", 1) : [];
  const about = isOwn ? event.kind : topic;
  return JSON.stringify([about, event.balancer, event.backend, pointer]);
}
