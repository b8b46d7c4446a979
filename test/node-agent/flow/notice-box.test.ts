import { expect, test } from "vitest";

import { noticeMs, noticesMax } from "#shared/base/limits.ts";

import { NoticeBox } from "../../../node-agent/flow/notice-box.ts";
import type { Notice } from "../../../node-agent/flow/worker-protocol.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function box(): { clock: FakeClock; notices: NoticeBox; sent: (readonly Notice[])[] } {
  const clock = new FakeClock();
  const sent: (readonly Notice[])[] = [];
  return { clock, sent, notices: new NoticeBox({ clock, send: (batch) => sent.push(batch) }) };
}

function turnedAway(balancer = 1): Notice {
  return {
    kind: "turned-away",
    balancer,
    reason: "no-backend",
    detail: "no live backend",
    count: 1,
  };
}

test("the first of a kind is told at once, what follows counted and once a second", () => {
  const { clock, notices, sent } = box();
  notices.add(turnedAway());
  expect(sent).toEqual([[turnedAway()]]);

  for (let index = 0; index < 500; index += 1) notices.add(turnedAway());
  notices.add(turnedAway(2));
  clock.advance(noticeMs - 1);
  expect(sent).toHaveLength(1);
  clock.advance(1);
  expect(sent[1]).toEqual([{ ...turnedAway(), count: 500 }, turnedAway(2)]);
});

test("after a quiet second the next one is told at once again, and no timer is left", () => {
  const { clock, notices, sent } = box();
  notices.add(turnedAway());
  clock.advance(noticeMs);
  expect(clock.timers).toBe(0);
  notices.add(turnedAway());
  expect(sent).toHaveLength(2);
});

test("there are never more than so many kinds in one message", () => {
  const { clock, notices, sent } = box();
  notices.add(turnedAway(0));
  for (let index = 1; index <= noticesMax * 2; index += 1) notices.add(turnedAway(index));
  clock.advance(noticeMs);
  expect(sent[1]).toHaveLength(noticesMax);
});
