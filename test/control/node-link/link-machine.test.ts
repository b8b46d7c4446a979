import { describe, expect, test } from "vitest";

import {
  frameBytesMax,
  framePartsMsMax,
  heartbeatMs,
  helloMsMax,
  linkSilenceMsMax,
  linkStuckMsMax,
  linkUnsentBytesMax,
  linkUnsentBytesPause,
  nodeFrameBurstMax,
} from "#shared/base/limits.ts";
import { encodeFrame } from "#shared/wire/codec.ts";

import {
  ack,
  beat,
  codeOf,
  conversation,
  framesOf,
  hello,
  only,
  report,
  version,
} from "./conversation.ts";

describe("hello", () => {
  test("is answered with the chosen protocol, the timers, the desired version and the mark", () => {
    const talk = conversation({ desired: version(3), marks: { "boot-1": 7 } });
    talk.nowMs = 40;
    const effects = talk.says(hello({ protocols: [9, 1], have: version(3) }));
    expect(framesOf(effects)).toEqual([
      {
        t: "welcome",
        session: "session",
        protocol: 1,
        heartbeatMs,
        statisticsMs: 2_000,
        controlTimeMs: 1_000_040,
        reconnect: { minMs: 0, maxMs: 500 },
        desired: version(3),
        statistics: { bootId: "boot-1", seq: 7 },
      },
    ]);
    expect(only(effects, "introduce")).toHaveLength(1);
    expect(only(effects, "prepare"), "it runs what it shall").toEqual([]);
    expect(only(effects, "status")[0]?.change).toEqual({
      connected: true,
      desired: version(3),
      running: version(3),
    });
  });

  test("a boot that is not known starts its reports at 1, whatever its name", () => {
    for (const bootId of ["boot-2", "__proto__", "constructor"]) {
      const talk = conversation({ marks: { "boot-1": 7 } });
      talk.says(hello({ bootId }));
      expect(talk.frames()[0]).toMatchObject({ t: "welcome", statistics: { bootId, seq: 0 } });
    }
  });

  test("without a common protocol the link closes with 4426", () => {
    const effects = conversation().says(hello({ protocols: [2, 3] }));
    expect(framesOf(effects)[0]).toMatchObject({ t: "bye", code: 4426 });
    expect(codeOf(effects)).toBe(4426);
  });

  test("that does not come in time closes the link with 4408", () => {
    const talk = conversation();
    expect(talk.passes(helloMsMax - 1)).toEqual([]);
    expect(codeOf(talk.passes(1))).toBe(4408);
  });

  test("a second one, and any other frame before it, closes the link with 4400", () => {
    const twice = conversation();
    twice.says(hello());
    expect(codeOf(twice.says(hello()))).toBe(4400);
    for (const frame of [
      beat(null),
      report(1),
      ack("serving", { nonce: "n", version: version(1) }),
    ]) {
      expect(codeOf(conversation().says(frame))).toBe(4400);
    }
  });
});

describe("bad frames", () => {
  test.each([
    ["no JSON", "{", 4400],
    ["an unknown type", '{"t":"shout"}', 4400],
    ["a field out of range", '{"t":"hb","running":null}', 4400],
    [
      "more than the frame limit",
      JSON.stringify({ t: "hb", pad: "x".repeat(frameBytesMax) }),
      4413,
    ],
  ])("%s", (_, text, code) => {
    const talk = conversation();
    talk.says(hello());
    const effects = talk.on({ kind: "received", text });
    expect(codeOf(effects)).toBe(code);
    expect(framesOf(effects)[0]).toMatchObject({ t: "bye", code });
    expect(only(effects, "status")[0]?.change).toEqual({ connected: false });
    expect(talk.says(beat(null)), "closed stays closed").toEqual([]);
  });

  test("a binary frame closes with 4400", () => {
    expect(codeOf(conversation().on({ kind: "received-binary" }))).toBe(4400);
  });

  test("a frame in parts is acted on when complete, and parts out of order close with 4400", () => {
    const big = { ...beat(null), pad: "x".repeat(2 * frameBytesMax) };
    const texts = encodeFrame(big, "m1");
    expect(texts.length).toBeGreaterThan(2);
    const talk = conversation();
    talk.says(hello());
    const effects = texts.map((text) => talk.on({ kind: "received", text }));
    expect(effects.slice(0, -1).flat()).toEqual([]);
    expect(only(effects.at(-1) ?? [], "status")[0]?.change).toMatchObject({ connections: 3 });

    const wrong = conversation();
    wrong.says(hello());
    expect(codeOf(wrong.on({ kind: "received", text: texts[1] ?? "" }))).toBe(4400);
    expect(codeOf(conversation().on({ kind: "received", text: texts[0] ?? "" }))).toBe(4400);
  });

  test("a message whose last part does not come is forgotten, although no other part comes", () => {
    const texts = encodeFrame({ ...beat(null), pad: "x".repeat(2 * frameBytesMax) }, "m1");
    const talk = conversation();
    talk.says(hello());
    talk.on({ kind: "received", text: texts[0] ?? "" });
    talk.passes(framePartsMsMax);
    expect(talk.state.parts).not.toBeNull();
    talk.passes(1_000);
    expect(talk.state.parts).toBeNull();
    expect(talk.state.stage).toBe("open");
    for (const text of texts) talk.on({ kind: "received", text });
    expect(talk.state.stage, "it may be sent anew").toBe("open");
    expect(codeOf(talk.on({ kind: "received", text: texts[1] ?? "" }))).toBe(4400);
  });

  test("a message in parts that is bigger than one may be closes with 4413", () => {
    const talk = conversation();
    talk.says(hello());
    const data = "A".repeat(27_000);
    const effects = Array.from({ length: 64 }, (_, index) =>
      talk.on({
        kind: "received",
        text: JSON.stringify({ t: "part", id: "m", n: index + 1, of: 64, data }),
      }),
    );
    expect(codeOf(effects.flat())).toBe(4413);
    expect(talk.state.parts, "a closed link holds nothing").toBeNull();
  });

  test("a node that floods loses its reports first, then the link with 4429", () => {
    const talk = conversation();
    talk.says(hello());
    let taken = 0;
    for (let seq = 1; seq <= nodeFrameBurstMax; seq += 1) {
      taken += only(talk.says(report(seq)), "ingest").length;
    }
    expect(taken).toBe(nodeFrameBurstMax - 1);
    expect(talk.state.stage).toBe("open");
    expect(only(talk.says(beat(null)), "status"), "heartbeats still count").toHaveLength(1);
    while (talk.state.stage === "open") talk.says(report(1));
    expect(talk.frames().at(-1)).toMatchObject({ t: "bye", code: 4429, retry: { minMs: 5_000 } });
    expect(codeOf(talk.effects)).toBe(4429);
  });

  test("a node within the average rate is never slowed down", () => {
    const talk = conversation();
    talk.says(hello());
    for (let count = 0; count < 500; count += 1) {
      talk.nowMs += 50;
      talk.says(beat(null));
    }
    expect(talk.state.stage).toBe("open");
  });
});

describe("heartbeats and reports", () => {
  test("a node's heartbeat is answered, at most once a second", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(2) }));
    talk.nowMs = 5_000;
    expect(framesOf(talk.says(beat(version(2))))).toEqual([
      {
        t: "hb",
        controlTimeMs: 1_005_000,
        desired: version(2),
        statistics: { bootId: "boot-1", seq: 0 },
      },
    ]);
    expect(framesOf(talk.says(beat(version(2))))).toEqual([]);
    expect(framesOf(talk.passes(1_000))).toHaveLength(1);
    expect(framesOf(talk.passes(5_000)), "nothing is due").toEqual([]);
  });

  test("a quiet link is beaten every heartbeatMs and given up when nothing comes", () => {
    const talk = conversation();
    talk.says(hello());
    expect(framesOf(talk.passes(heartbeatMs))).toHaveLength(1);
    expect(codeOf(talk.passes(linkSilenceMsMax - heartbeatMs))).toBeUndefined();
    expect(codeOf(talk.passes(1_000))).toBe(1013);
  });

  test("a report counts only as the one after the last", () => {
    const talk = conversation({ marks: { "boot-1": 4 } });
    talk.says(hello());
    expect(only(talk.says(report(4)), "ingest"), "known").toEqual([]);
    expect(only(talk.says(report(6)), "ingest"), "a gap").toEqual([]);
    expect(only(talk.says(report(5)), "ingest")).toHaveLength(1);
    expect(only(talk.says(report(5)), "ingest"), "on its way").toEqual([]);
    expect(only(talk.says(report(6)), "ingest")).toHaveLength(1);
    expect(only(talk.says(report(7, "boot-0")), "note")[0]?.note).toBe("other-boot");
  });

  test("the mark moves when a report is stored, and the node hears it within a second", () => {
    const talk = conversation();
    talk.says(hello());
    talk.nowMs = 3_000;
    talk.says(report(1));
    expect(talk.frames().at(-1)?.t).toBe("welcome");
    const effects = talk.on({ kind: "report-settled", bootId: "boot-1", seq: 1, mark: 1 });
    expect(framesOf(effects)[0]).toMatchObject({ t: "hb", statistics: { seq: 1 } });
  });

  test("a report that could not be stored is taken when it comes again", () => {
    const talk = conversation();
    talk.says(hello());
    talk.says(report(1));
    talk.says(report(2));
    talk.on({ kind: "report-settled", bootId: "boot-1", seq: 1, mark: null });
    talk.on({ kind: "report-settled", bootId: "boot-1", seq: 2, mark: null });
    expect(only(talk.says(report(1)), "ingest")).toHaveLength(1);
    talk.on({ kind: "report-settled", bootId: "boot-1", seq: 1, mark: 1 });
    expect(only(talk.says(report(2)), "ingest")).toHaveLength(1);
  });

  test("the store knows better: a mark above what was believed is believed", () => {
    const talk = conversation();
    talk.says(hello());
    talk.says(report(1));
    talk.on({ kind: "report-settled", bootId: "boot-1", seq: 1, mark: 6 });
    expect(only(talk.says(report(7)), "ingest")).toHaveLength(1);
  });
});

test("a store that knows less than was confirmed makes the node start its counting over", () => {
  const talk = conversation({ marks: { "boot-1": 9 } });
  talk.says(hello());
  talk.says(report(10));
  const effects = talk.on({ kind: "report-settled", bootId: "boot-1", seq: 10, mark: 2 });
  expect(codeOf(effects)).toBe(1012);
});

describe("a node that does not read", () => {
  test("gets nothing more until it reads again, then the newest", () => {
    const talk = conversation({ desired: version(2) });
    talk.says(hello({ have: version(2) }));
    talk.on({ kind: "unsent", bytes: linkUnsentBytesPause + 1 });
    expect(only(talk.on({ kind: "desired", version: version(3) }), "prepare")).toEqual([]);
    expect(framesOf(talk.passes(2_000))).toEqual([]);
    talk.on({ kind: "desired", version: version(4) });
    expect(only(talk.on({ kind: "unsent", bytes: 0 }), "prepare")).toHaveLength(1);
  });

  test("is closed with 1013 when it stays so, or holds too much", () => {
    const stuck = conversation();
    stuck.says(hello());
    stuck.on({ kind: "unsent", bytes: linkUnsentBytesPause + 1 });
    expect(codeOf(stuck.passes(linkStuckMsMax + 1_000))).toBe(1013);
    const full = conversation();
    full.says(hello());
    expect(codeOf(full.on({ kind: "unsent", bytes: linkUnsentBytesMax + 1 }))).toBe(1013);
  });
});

describe("endings", () => {
  test("the control plane says bye with the code, then closes", () => {
    const talk = conversation();
    talk.says(hello());
    const retry = { minMs: 0, maxMs: 2_000 };
    const effects = talk.on({ kind: "close", code: 1012, reason: "restart", retry });
    expect(effects).toEqual([
      { kind: "send", frame: { t: "bye", code: 1012, reason: "restart", retry } },
      { kind: "status", change: { connected: false }, soon: true },
      { kind: "close", code: 1012, reason: "restart" },
    ]);
  });

  test("a carrier that is gone is reported once, and nothing is said to it", () => {
    const talk = conversation();
    talk.says(hello());
    expect(talk.on({ kind: "carrier-closed" })).toEqual([
      { kind: "status", change: { connected: false }, soon: true },
    ]);
    expect(talk.on({ kind: "carrier-closed" })).toEqual([]);
  });

  test("a node's bye is answered with the close", () => {
    const talk = conversation();
    talk.says(hello());
    expect(codeOf(talk.says({ t: "bye", code: 1001, reason: "stop", retry: null }))).toBe(1001);
  });
});
