import { describe, expect, test } from "vitest";

import { eventDetailCharsMax, eventsPerFrameMax, eventsWaitingMax } from "#shared/base/limits.ts";
import { nodeEventSchema, type NodeEvent } from "#shared/wire/node-frames.ts";

import { createEventQueue } from "../../../node-agent/control-link/event-queue.ts";

describe("event queue", () => {
  test("of one thing only the newest waits; different things wait in their order", () => {
    const queue = createEventQueue();
    queue.add(eventOf("backend.down", { backend: "a:1" }));
    queue.add(eventOf("bind.failed", {}));
    queue.add(eventOf("backend.up", { backend: "a:1" }));
    queue.add(eventOf("snapshot.refused", { balancer: null }));
    queue.add(eventOf("snapshot.not-durable", { balancer: null }));
    expect(queue.take(1_000).map(({ kind }) => kind)).toEqual([
      "bind.failed",
      "backend.up",
      "snapshot.refused",
      "snapshot.not-durable",
    ]);
    expect(queue.size).toBe(0);
  });

  test("takes as many as are asked for, and a frame's worth at a time", () => {
    const queue = createEventQueue();
    for (let index = 0; index < eventsPerFrameMax + 3; index += 1) {
      queue.add(eventOf("backend.up", { backend: `a:${index}` }));
    }
    expect(queue.take(2).length).toBe(2);
    expect(queue.take(1_000).length).toBe(eventsPerFrameMax);
    expect(queue.take(1_000).length).toBe(1);
  });

  test("whatever an event says, it fits into the frame that is to take it", () => {
    const queue = createEventQueue();
    queue.add(eventOf("certificates.failed", { detail: "no such file; ".repeat(1_000) }));
    const [event] = queue.take(1);
    expect(event?.detail).toHaveLength(eventDetailCharsMax);
    expect(nodeEventSchema.safeParse(event).success).toBe(true);
  });

  test("when too many wait the oldest go", () => {
    const queue = createEventQueue();
    for (let index = 0; index < eventsWaitingMax + 10; index += 1) {
      queue.add(eventOf("backend.up", { backend: `a:${index}` }));
    }
    expect(queue.size).toBe(eventsWaitingMax);
    expect(queue.take(1_000)[0]?.backend).toBe("a:10");
  });
});

function eventOf(kind: NodeEvent["kind"], over: Partial<NodeEvent>): NodeEvent {
  return { kind, atMs: 1, balancer: "bal_a", backend: null, detail: "", ...over };
}
