import { describe, expect, test } from "vitest";

import {
  eventsFrameMs,
  eventsPerFrameMax,
  nodeEventBurstMax,
  nodeEventsPerSecondMax,
} from "#shared/base/limits.ts";
import type { NodeEvent } from "#shared/wire/node-frames.ts";

import { createEventSender } from "../../../node-agent/control-link/event-sender.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("event sender", () => {
  test("the first event goes at once, what follows shortly after goes together", () => {
    const { clock, sent, report } = setup();
    report("a:1");
    report("a:2");
    report("a:3");
    expect(sent.map((events) => events.length)).toEqual([1]);
    clock.advance(eventsFrameMs);
    expect(sent.map((events) => events.length)).toEqual([1, 2]);
  });

  test("a flood is told no faster than it is listened to, and in the end all of it", () => {
    const { clock, sent, report } = setup();
    for (let index = 0; index < 900; index += 1) report(`a:${index}`);
    const perSecond = Array.from({ length: 300 }, () => {
      const before = sent.flat().length;
      clock.advance(1_000);
      return sent.flat().length - before;
    });
    let listened = nodeEventBurstMax - 1;
    for (const count of perSecond) {
      listened = Math.min(nodeEventBurstMax, listened + nodeEventsPerSecondMax) - count;
      expect(listened).toBeGreaterThanOrEqual(0);
    }
    expect(Math.max(...sent.map((events) => events.length))).toBe(eventsPerFrameMax);
    expect(sent.flat().length).toBe(900);
  });

  test("without a link events wait; stopped, nothing is left waiting", () => {
    const { clock, sent, report, link, sender } = setup();
    link.open = false;
    report("a:1");
    clock.advance(60_000);
    expect(sent).toEqual([]);
    link.open = true;
    sender.flush();
    expect(sent.length).toBe(1);
    sender.stop();
    expect(clock.timers).toBe(0);
  });
});

function setup() {
  const clock = new FakeClock();
  const sent: (readonly NodeEvent[])[] = [];
  const link = { open: true };
  const sender = createEventSender(
    clock,
    (events) => sent.push(events),
    () => link.open,
  );
  const report = (backend: string): void => {
    sender.report({ kind: "backend.down", balancer: "bal_a", backend, detail: "" });
  };
  return { clock, sent, report, link, sender };
}
