import { expect, test } from "vitest";

import { linkUnsentBytesPause, planMarginMs, questionsPerLinkMax } from "#shared/base/limits.ts";

import { conversation, framesOf, hello, only, type Conversation } from "./conversation.ts";

function opened(): Conversation {
  const talk = conversation();
  talk.says(hello());
  return talk;
}

function question(id: string, deadlineMs = 4_000) {
  const asked = { id, name: "plan", args: { about: id }, deadlineMs } as const;
  return { kind: "ask", question: asked } as const;
}

function answer(id: string, code = "done") {
  return { t: "cmdr", id, ok: code === "done", code, result: { of: id } } as const;
}

test("a question goes out once, however often it is put, and its answer is handed on", () => {
  const talk = opened();
  expect(framesOf(talk.on(question("q1")))).toEqual([
    { t: "cmd", id: "q1", name: "plan", args: { about: "q1" }, deadlineMs: 4_000 },
  ]);
  expect(talk.on(question("q1"))).toEqual([]);
  expect(talk.says(answer("q1"))).toEqual([
    { kind: "answered", question: "q1", code: "done", result: { of: "q1" } },
  ]);
});

test("an answer that nobody waits for is noted and changes nothing: unknown, twice, or too late", () => {
  const talk = opened();
  const unknown = [{ kind: "note", note: "unknown-command" }];
  expect(talk.says(answer("q0"))).toEqual(unknown);
  talk.on(question("q1", 1_000));
  talk.says(answer("q1", "busy"));
  expect(talk.says(answer("q1"))).toEqual(unknown);
  talk.on(question("q2", 1_000));
  talk.passes(1_000 + planMarginMs + 1_000);
  expect(talk.says(answer("q2"))).toEqual(unknown);
});

test("a link carries so many questions at once; the next one fits when one is answered or over", () => {
  const talk = opened();
  for (let index = 0; index < questionsPerLinkMax; index += 1) {
    expect(framesOf(talk.on(question(`q${index}`)))).toHaveLength(1);
  }
  expect(talk.on(question("more"))).toEqual([]);
  talk.says(answer("q0"));
  expect(framesOf(talk.on(question("more")))).toHaveLength(1);
  talk.passes(4_000 + planMarginMs + 1_000);
  expect(talk.state.asked).toEqual([]);
});

test("nothing is asked before hello, of a node that does not read, or without time to answer", () => {
  const talk = conversation();
  expect(talk.on(question("q1"))).toEqual([]);
  talk.says(hello());
  expect(talk.on(question("q1", 0))).toEqual([]);
  talk.on({ kind: "unsent", bytes: linkUnsentBytesPause + 1 });
  expect(talk.on(question("q1"))).toEqual([]);
  talk.on({ kind: "unsent", bytes: 0 });
  expect(only(talk.on(question("q1")), "send")).toHaveLength(1);
});
