import { describe, expect, test } from "vitest";

import { configAnswerMsMax, configRetryMs, refAnswerMsMax } from "#shared/base/limits.ts";

import {
  ack,
  beat,
  codeOf,
  conversation,
  framesOf,
  hello,
  nack,
  only,
  version,
} from "./conversation.ts";

describe("configuration", () => {
  test("goes out when the node runs something else, and is done when it serves", () => {
    const talk = conversation({ desired: version(2) });
    expect(only(talk.says(hello({ have: version(1) })), "prepare")).toEqual([
      { kind: "prepare", request: 1, from: version(1), whole: false },
    ]);
    const sent = talk.prepares("n1", version(2));
    expect(only(sent, "send-config")).toHaveLength(1);
    expect(only(sent, "receipt")[0]?.receipt).toMatchObject({ rev: 2, phase: "sent" });
    for (const phase of ["stored", "applied", "serving"] as const) {
      const effects = talk.says(ack(phase, { nonce: "n1", version: version(2) }));
      expect(only(effects, "receipt")[0]?.receipt).toEqual({ rev: 2, phase, errors: [] });
      expect(only(effects, "status").at(-1)?.change.phase).toBe(phase);
    }
    expect(talk.state).toMatchObject({ inFlight: null, running: version(2), phase: "serving" });
  });

  test("one message at a time, and the newest version wins", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    for (const rev of [3, 4, 5]) {
      expect(only(talk.on({ kind: "desired", version: version(rev) }), "prepare")).toEqual([]);
    }
    const effects = talk.says(ack("serving", { nonce: "n1", version: version(2) }));
    expect(only(effects, "prepare")).toEqual([
      { kind: "prepare", request: 2, from: version(2), whole: false },
    ]);
    talk.prepares("n2", version(5));
    talk.says(ack("serving", { nonce: "n2", version: version(5) }));
    expect(talk.state.running).toEqual(version(5));
    expect(only(talk.effects, "send-config")).toHaveLength(2);
  });

  test("a message that comes after another was asked for is not sent", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.says({ t: "get", want: null, why: "conflict" });
    const late = talk.on({
      kind: "prepared",
      request: 1,
      config: { kind: "message", nonce: "n", to: version(2), pulled: false, texts: ["x"] },
    });
    expect(late).toEqual([]);
    expect(only(talk.prepares("n2", version(2), true), "send-config")).toHaveLength(1);
  });

  test("a message that could not be made is tried again, not at once", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello());
    talk.on({ kind: "prepared", request: 1, config: { kind: "unavailable" } });
    expect(only(talk.passes(configRetryMs - 1_000), "prepare")).toEqual([]);
    expect(only(talk.passes(1_000), "prepare")).toHaveLength(1);
  });

  test("a version that fails in part is applied then, and serves when nothing fails any more", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n2", version(2));
    const about = { nonce: "n2", version: version(2) };
    const partly = talk.says(nack(about, { running: version(2), partial: true }));
    expect(only(partly, "status")[0]?.change).toMatchObject({ phase: "degraded", failing: 1 });
    expect(only(partly, "receipt")[0]?.receipt).toMatchObject({
      ...{ rev: 2, phase: "applied", errors: [{ code: "EADDRINUSE" }] },
    });
    const wholly = talk.says(ack("serving", { nonce: null, version: version(2) }));
    expect(only(wholly, "receipt")).toMatchObject([{ receipt: { rev: 2, phase: "serving" } }]);
  });

  test("what a refused version needs is another version, not another try", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    const about = { nonce: "n1", version: version(2) };
    const effects = talk.says(nack(about, { running: version(1), partial: false }));
    expect(only(effects, "status")[0]?.change).toMatchObject({ phase: "refused", failing: 1 });
    expect(only(effects, "receipt")[0]?.receipt).toMatchObject({ rev: 2, phase: "refused" });
    for (let minute = 0; minute < 3; minute += 1) {
      talk.passes(20_000);
      talk.says(beat(version(1)));
    }
    expect(only(talk.effects, "prepare")).toHaveLength(1);
    const next = talk.on({ kind: "desired", version: version(3) });
    expect(only(next, "prepare")).toHaveLength(1);
  });

  test("a version that applied in part is degraded until the node says that all of it serves", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    talk.says(nack({ nonce: "n1", version: version(2) }, { running: version(2), partial: true }));
    expect(talk.state.phase).toBe("degraded");
    talk.nowMs += 2_000;
    expect(only(talk.says(beat(version(2), 1)), "receipt")).toEqual([]);
    const effects = talk.says(ack("serving", { nonce: null, version: version(2) }));
    expect(only(effects, "status").at(-1)?.change).toMatchObject({ phase: "serving", errors: [] });
    expect(only(effects, "receipt")[0]?.receipt).toMatchObject({ rev: 2, phase: "serving" });
  });

  test("an answer to an unknown message changes nothing and is noted", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    const before = talk.state.inFlight;
    const effects = [
      ...talk.says(ack("serving", { nonce: "other", version: version(2) })),
      ...talk.says(ack("serving", { nonce: "n1", version: version(9) })),
      ...talk.says(
        nack({ nonce: "other", version: version(2) }, { running: null, partial: false }),
      ),
    ];
    expect(effects.map((effect) => effect.kind)).toEqual(["note", "note", "note"]);
    expect(talk.state.inFlight).toEqual(before);
  });

  test("without an answer: a heartbeat, the same again, then the link closes with 1013", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    const alive = (ms: number) => {
      const effects = talk.passes(ms);
      return [...effects, ...talk.says(beat(version(1)))];
    };
    const probe = alive(configAnswerMsMax);
    expect(framesOf(probe).map((frame) => frame.t)).toContain("hb");
    expect(only(probe, "prepare")).toEqual([]);
    expect(only(alive(configAnswerMsMax), "prepare")).toHaveLength(1);
    expect(only(talk.prepares("n1", version(2)), "send-config")).toHaveLength(1);
    expect(codeOf(talk.passes(configAnswerMsMax))).toBe(1013);
  });

  test("a probe that shows that the version runs settles it", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    talk.passes(configAnswerMsMax);
    const effects = talk.says(beat(version(2)));
    expect(only(effects, "receipt")[0]?.receipt).toMatchObject({ rev: 2, phase: "serving" });
    expect(talk.state.inFlight).toBeNull();
  });

  test("a pulled snapshot has longer to be answered", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello());
    talk.prepares("n1", version(2), true);
    talk.passes(refAnswerMsMax / 2);
    talk.says(beat(null));
    talk.passes(refAnswerMsMax / 2 - 1_000);
    expect(talk.state.inFlight?.tried).toBe("nothing");
    talk.passes(1_000);
    expect(talk.state.inFlight?.tried).toBe("probe");
  });

  test("a node that asks for the whole gets it, even of a version it refused", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(1) }));
    talk.prepares("n1", version(2));
    talk.says(nack({ nonce: "n1", version: version(2) }, { running: version(1), partial: false }));
    const effects = talk.says({ t: "get", want: version(2), why: "root-mismatch" });
    expect(only(effects, "prepare")).toEqual([
      { kind: "prepare", request: 2, from: version(1), whole: true },
    ]);
  });

  test("a node that only misses what is on its way does not get it twice", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello());
    expect(talk.says({ t: "get", want: version(2), why: "missing" })).toEqual([]);
    talk.prepares("n1", version(2));
    expect(talk.says({ t: "get", want: version(2), why: "missing" })).toEqual([]);
  });

  test("a heartbeat that names another version than desired is repaired", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(2) }));
    expect(only(talk.says(beat(version(1))), "prepare")).toHaveLength(1);
  });

  test("a node that is ahead of the database is left alone", () => {
    const talk = conversation({ desired: version(2) });
    const effects = talk.says(hello({ have: version(7) }));
    expect(only(effects, "note")).toEqual([{ kind: "note", note: "node-ahead" }]);
    expect(only(effects, "prepare")).toEqual([]);
    expect(only(talk.says(beat(version(7))), "prepare")).toEqual([]);
    const raised = talk.on({ kind: "desired", version: version(2, 2) });
    expect(only(raised, "prepare"), "a new epoch wins").toHaveLength(1);
  });
});
