import { describe, expect, test } from "vitest";

import { snapshotBytesMax } from "#shared/base/limits.ts";
import { encodeFrame } from "#shared/wire/codec.ts";

import { deltaOf, kinds, MachineDriver, refOf, sent, versionOf } from "./machine-driver.ts";

const [v1, v2, v3] = [versionOf(1), versionOf(2), versionOf(3)];

describe("link machine: versions", () => {
  test("a difference from what runs is taken, acknowledged when stored if slow, and when it serves", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    expect(kinds(link.frame(deltaOf(v1, v2)))).toEqual(["take"]);
    link.event({ kind: "config", outcome: { kind: "accepted", version: v2, durable: true } });
    expect(
      sent(link.event({ kind: "config", outcome: { kind: "slow", version: v2 } })),
    ).toMatchObject([{ t: "ack", nonce: "n2", version: v2, phase: "stored", durable: true }]);
    expect(sent(settledWith(link, v2))).toMatchObject([
      { t: "ack", nonce: "n2", version: v2, phase: "serving", durable: true },
    ]);
  });

  test("a balancer that fails is told with its reason, and the rest of the version counts as applied", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    link.frame(deltaOf(v1, v2));
    link.event({ kind: "config", outcome: { kind: "accepted", version: v2, durable: true } });
    const errors = [{ id: "bal_a", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" }];
    expect(sent(settledWith(link, v2, errors))).toEqual([
      { t: "nack", nonce: "n2", version: v2, running: v2, partial: true, errors },
    ]);
    expect(sent(link.event({ kind: "standing", balancers: [], errors: [] }))).toMatchObject([
      { t: "ack", nonce: null, version: v2, phase: "serving" },
    ]);
  });

  test("a difference from something else is answered by asking for everything", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    const effects = link.frame(deltaOf(v2, v3));
    expect(sent(effects)).toEqual([{ t: "get", want: v3, why: "base-mismatch" }]);
    expect(link.state.running).toEqual(v1);
  });

  test("what already runs is not applied again: the answer is repeated", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    settledWith(link, v1);
    expect(sent(link.frame(deltaOf(null, v1, "again")))).toMatchObject([
      { t: "ack", nonce: "again", version: v1, phase: "serving" },
    ]);
  });

  test("what is being applied is answered when it is done, by the name it was last sent with", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    link.frame(deltaOf(v1, v2, "first"));
    link.event({ kind: "config", outcome: { kind: "accepted", version: v2, durable: true } });
    expect(link.frame(deltaOf(v1, v2, "second"))).toEqual([]);
    expect(sent(settledWith(link, v2))).toMatchObject([{ t: "ack", nonce: "second" }]);
  });

  test("an older version is ignored, and the control plane is told at once what runs", () => {
    const link = new MachineDriver({ running: v3 });
    link.open(v3);
    expect(kinds(link.frame(deltaOf(v1, v2)))).toEqual(["note older-version", "heartbeat"]);
    expect(link.state.running).toEqual(v3);
  });

  test("an equal revision with another root: a difference is not trusted, the whole is asked for and taken", () => {
    const link = new MachineDriver({ running: v2 });
    link.open(v2);
    const other = versionOf(2, { root: "f".repeat(64) });
    expect(sent(link.frame(deltaOf(v1, other)))).toEqual([
      { t: "get", want: other, why: "conflict" },
    ]);
    expect(kinds(link.frame(refOf(other)))).toEqual(["take"]);
  });

  test("a lower revision of a higher epoch is taken: the database was restored", () => {
    const link = new MachineDriver({ running: v3 });
    link.open(v3);
    expect(kinds(link.frame(refOf(versionOf(1, { epoch: 2 }))))).toEqual(["take"]);
  });

  test.each([
    ["than what runs", { running: versionOf(1, { epoch: 3 }) }],
    ["than that of joining, though nothing runs yet", { running: null, epochMin: 3 }],
  ])("an epoch older %s is refused and reported", (_what, options) => {
    const link = new MachineDriver(options);
    link.open();
    const effects = link.frame(refOf(versionOf(9, { epoch: 2 })));
    expect(sent(effects)).toMatchObject([
      { t: "nack", nonce: "r9", partial: false, errors: [{ id: null, code: "older-epoch" }] },
    ]);
    expect(effects.at(-1)).toMatchObject({ kind: "event", event: { kind: "snapshot.refused" } });
  });

  test("a snapshot that is announced as too big is not pulled", () => {
    const link = new MachineDriver();
    link.open();
    const effects = link.frame({ ...refOf(v1), bytes: snapshotBytesMax + 1 });
    expect(sent(effects)).toMatchObject([{ t: "nack", errors: [{ code: "too-big" }] }]);
  });

  test("one message is in hand at a time; of those that come meanwhile the newest is taken next", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    link.frame(deltaOf(v1, v2));
    expect(link.frame(refOf(v2, "old"))).toEqual([]);
    expect(link.frame(deltaOf(v2, v3))).toEqual([]);
    const effects = link.event({
      kind: "config",
      outcome: { kind: "accepted", version: v2, durable: true },
    });
    expect(effects).toMatchObject([{ kind: "take", frame: { nonce: "n3" } }]);
    link.event({ kind: "config", outcome: { kind: "accepted", version: v3, durable: true } });
    expect(settledWith(link, v2)).toEqual([]);
    expect(sent(settledWith(link, v3))).toMatchObject([{ t: "ack", nonce: "n3", version: v3 }]);
  });

  test("a version that is refused is told and reported, and the one before runs on", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    link.frame(deltaOf(v1, v2));
    const error = { id: null, pointer: "", code: "bad-signature", detail: "nobody we trust" };
    const outcome = { kind: "refused", version: v2, error, whole: false } as const;
    const effects = link.event({ kind: "config", outcome });
    expect(sent(effects)).toEqual([
      { t: "nack", nonce: "n2", version: v2, running: v1, partial: false, errors: [error] },
    ]);
    expect(kinds(effects)).toEqual(["send", "event"]);
    expect(link.state.running).toEqual(v1);
    link.heartbeat(v2);
    expect(sent(link.heartbeat(v2))).toEqual([]);
  });

  test("a difference whose result is not what was signed for: the whole is asked for", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    link.frame(deltaOf(v1, v2));
    const error = { id: null, pointer: "", code: "bad-root", detail: "" };
    const outcome = { kind: "refused", version: v2, error, whole: true } as const;
    const effects = link.event({ kind: "config", outcome });
    expect(sent(effects)).toEqual([{ t: "get", want: v2, why: "root-mismatch" }]);
    expect(kinds(link.frame(refOf(v2)))).toEqual(["take"]);
  });

  test("a snapshot that cannot be pulled is asked for again, later and later", () => {
    const link = new MachineDriver({ luck: 0.999_999 });
    link.open();
    const waits = [1, 2, 3].map(() => {
      link.frame(refOf(v1));
      link.event({ kind: "config", outcome: { kind: "fetch-failed" } });
      const beforeMs = link.nowMs;
      expect(sent(link.wake())).toEqual([{ t: "get", want: null, why: "fetch-failed" }]);
      return link.nowMs - beforeMs;
    });
    expect(waits).toEqual([499, 999, 1_999]);
  });

  test("what the control plane desires and never sends is asked for at its second word", () => {
    const link = new MachineDriver({ running: v1 });
    expect(sent(link.open(v2))).toEqual([]);
    expect(sent(link.heartbeat(v2))).toEqual([{ t: "get", want: v2, why: "missing" }]);
    expect(sent(link.heartbeat(v1))).toEqual([]);
  });

  test("the link goes while a message is in hand: it is finished, and answered on the next link", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    link.frame(deltaOf(v1, v2));
    link.event({ kind: "lost", code: 1006 });
    expect(sent(link.applied(v2))).toEqual([]);
    link.wake();
    expect(link.event({ kind: "opened" })).toEqual([{ kind: "hello", have: v2 }]);
    expect(sent(link.frame(link.welcome(v2)))).toMatchObject([
      { t: "ack", nonce: null, version: v2, phase: "serving" },
    ]);
  });

  test("a disk that refuses, or takes again, what runs is told with a heartbeat", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    expect(kinds(link.event({ kind: "durability", durable: false }))).toEqual(["heartbeat"]);
    expect(link.state.durable).toBe(false);
  });

  test("as many errors as a message holds are told, each cut to its bound", () => {
    const link = new MachineDriver({ running: v1 });
    link.open(v1);
    const errors = Array.from({ length: 5_000 }, (_, index) => ({
      id: `bal_${index}`,
      pointer: "/bind/0",
      code: "EADDRINUSE",
      detail: "ä".repeat(2_000),
    }));
    const [frame] = sent(settledWith(link, v1, errors));
    expect(encodeFrame(frame ?? {}, "p").length).toBeLessThanOrEqual(60);
  });
});

function settledWith(
  link: MachineDriver,
  version: typeof v1,
  errors: readonly { id: string; pointer: string; code: string; detail: string }[] = [],
) {
  const connections = { kept: 0, drained: 0, cut: 0 };
  const outcome = { kind: "settled", version, balancers: [], errors, connections } as const;
  return link.event({ kind: "config", outcome: { ...outcome, balancers: [] } });
}
