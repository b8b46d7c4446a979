import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { configAnswerMsMax, frameBytesMax } from "#shared/base/limits.ts";
import { newKeyPair } from "#shared/snapshot/keys.ts";
import type { Version } from "#shared/snapshot/version.ts";
import { encodeFrame } from "#shared/wire/codec.ts";
import { controlFrameSchema, type ControlFrame } from "#shared/wire/control-frames.ts";
import type { NodeFrame } from "#shared/wire/node-frames.ts";

import type { CarrierListener } from "../../../control/node-link/link-carrier.ts";
import type { LinkDesk } from "../../../control/node-link/link-desk.ts";
import type { LinkedNode } from "../../../control/node-link/link-effects.ts";
import type { LinkEvent } from "../../../control/node-link/link-machine-events.ts";
import { NodeLink } from "../../../control/node-link/node-link.ts";
import { StatusWriter } from "../../../control/node-link/status-writer.ts";
import type { NodeWrites } from "../../../control/node-rows.ts";
import { createPublisher } from "../../../control/publish/publisher.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { LongPollTwin } from "../../support/long-poll-twin.ts";
import { testDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { testSigning } from "../../support/signing.ts";
import { anyId, tenantRows } from "../../support/tenant-rows.ts";
import { ack, beat, hello, nack, report } from "./conversation.ts";

/** One way to lead the conversation: what the node says goes in, what it hears comes out. */
interface Half {
  readonly name: string;
  says(text: string): Promise<void> | void;
  handle(event: LinkEvent): Promise<void> | void;
  hears(): readonly string[];
  readonly written: NodeWrites[];
}

/** A socket's link, with the socket taken away: its state lies in memory, as always. */
function plainHalf(
  desk: LinkDesk,
  node: LinkedNode,
  open: ConstructorParameters<typeof NodeLink>[0]["open"],
): Omit<Half, "written"> {
  const out: string[] = [];
  const heard: { listener?: CarrierListener } = {};
  const link = new NodeLink({
    desk,
    node,
    open,
    connect: (listener) => {
      heard.listener = listener;
      return {
        send: (texts) => {
          for (const text of texts) out.push(Buffer.from(text).toString("utf8"));
        },
        unsentBytes: () => 0,
        close: () => undefined,
      };
    },
    onIncomplete: () => undefined,
    onClosed: () => undefined,
  });
  return {
    name: "plain",
    says: (text) => heard.listener?.onText(text),
    handle: (event) => link.handle(event),
    hears: () => out.splice(0),
  };
}

/** What is stored when all of it was written. */
function inTheEnd(written: readonly NodeWrites[]) {
  const status = {};
  const receipts = new Map<number, object>();
  for (const writes of written) {
    for (const { change } of writes.status) Object.assign(status, change);
    for (const { rev, ...steps } of writes.receipts) {
      receipts.set(rev, { ...steps, ...receipts.get(rev), errors: steps.errors });
    }
  }
  const [hello] = written.flatMap(({ hellos }) => hellos);
  return { status, receipts, hello };
}

test("a link whose state lies in a row between any two frames leads the same conversation", async () => {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const tenant = await tenantRows(db.sql);
  const key = { tenantId: tenant.tenantId, groupId: tenant.groupId };
  const { signer } = testSigning();
  const log = recordedLog();
  const { database } = db;
  const real = createPublisher({
    ...{ database, signer, log, clock: systemClock(), random: Math.random, doorbell: true },
    sealForNode: () => Promise.reject(new Error("no secrets here")),
  });
  onTestFinished(() => real.stop());
  const pending = { count: 0 };
  const publisher: typeof real = {
    ...real,
    prepare: async (...asked) => {
      pending.count += 1;
      const config = await real.prepare(...asked);
      pending.count -= 1;
      return config;
    },
  };
  const heard: Version[] = [];
  await real.watch(key, (version) => heard.push(version)).ready;

  const clock = new FakeClock();
  const node: LinkedNode = {
    nodeId: anyId("nod"),
    receivingKey: newKeyPair("x25519").publicKey,
    key,
    generation: 1,
    session: "session",
  };
  const open = {
    session: "session",
    desired: real.desired(key) ?? null,
    marks: { "boot-1": 3 },
    reconnect: { minMs: 0, maxMs: 1_000 },
  };
  const deskOf = (written: NodeWrites[]): LinkDesk => ({
    publisher,
    answered: () => undefined,
    status: new StatusWriter({
      ...{ clock, log, random: () => 0, instance: "one" },
      write: (writes) => {
        written.push(writes);
        return Promise.resolve();
      },
    }),
    takeReport: (_, { seq }) => Promise.resolve(seq),
    clock,
    log,
  });
  const [plainWritten, twinWritten]: [NodeWrites[], NodeWrites[]] = [[], []];
  const twin = new LongPollTwin({ desk: deskOf(twinWritten), node, open });
  const halves: readonly Half[] = [
    { ...plainHalf(deskOf(plainWritten), node, open), written: plainWritten },
    {
      name: "twin",
      says: (text) => twin.post(text),
      handle: (event) => twin.handle(event),
      hears: () => twin.poll(),
      written: twinWritten,
    },
  ];

  const quiet = async (): Promise<void> => {
    await clock.advanceSettled(50);
    await eventually(() => pending.count === 0, { everyMs: 1 });
    for (let turn = 0; turn < 5; turn += 1) await settled();
  };
  /** Does it on both, and expects the same to come of it. */
  const both = async (
    act: (half: Half) => Promise<void> | void,
  ): Promise<readonly ControlFrame[]> => {
    for (const half of halves) await act(half);
    await quiet();
    const [plain, other] = halves.map((half) => half.hears());
    expect(other).toEqual(plain);
    return (plain ?? []).map((text) => controlFrameSchema.parse(JSON.parse(text)));
  };
  const says = (frame: NodeFrame): Promise<readonly ControlFrame[]> =>
    both((half) => half.says(JSON.stringify(frame)));
  const commit = async (
    changes: Record<string, object | null>,
  ): Promise<readonly ControlFrame[]> => {
    const rev = await tenant.commit(changes);
    await eventually(() => heard.at(-1)?.rev === rev);
    const version = heard.at(-1);
    if (version === undefined) throw new Error("nothing was heard");
    return both((half) => half.handle({ kind: "desired", version }));
  };
  const configIn = (frames: readonly ControlFrame[]) => {
    const config = frames.find((frame) => frame.t === "delta" || frame.t === "ref");
    if (config?.t !== "delta" && config?.t !== "ref") throw new Error("no configuration came");
    return { config, about: { nonce: config.nonce, version: config.to } };
  };

  const welcome = await says(hello());
  expect(welcome.map(({ t }) => t)).toEqual(["welcome", "delta"]);
  const first = configIn(welcome);
  await says(ack("stored", first.about));
  await says(ack("serving", first.about));

  const second = configIn(await commit({ bal_a: { name: "a" } }));
  expect(await commit({ bal_b: { name: "b" } }), "one at a time").toEqual([]);
  const third = configIn(await says(ack("serving", second.about)));
  expect(third.config).toMatchObject({ t: "delta", up: [{ id: "bal_b" }] });
  await says(nack(third.about, { running: second.about.version, partial: false }));
  await both((half) => half.handle({ kind: "tick" }));

  const big = { pad: "x".repeat(2 * frameBytesMax) };
  const fourth = configIn(await commit({ bal_c: big }));
  expect(fourth.config.t).toBe("ref");
  clock.advance(2 * configAnswerMsMax);
  const beats = await says(beat(second.about.version));
  expect(beats.map(({ t }) => t)).toEqual(["hb"]);
  await says(ack("serving", fourth.about));

  for (const seq of [4, 5, 5, 9]) await says(report(seq));
  clock.advance(2_000);
  const [mark] = await both((half) => half.handle({ kind: "tick" }));
  expect(mark).toMatchObject({ t: "hb", statistics: { bootId: "boot-1", seq: 5 } });

  const parts = encodeFrame({ ...beat(fourth.about.version), pad: "x".repeat(60_000) }, "m");
  for (const text of parts) await both((half) => half.says(text));
  clock.advance(10_000);
  await both((half) => half.handle({ kind: "tick" }));
  const end = await both((half) => half.says("no frame"));
  expect(end).toMatchObject([{ t: "bye", code: 4400 }]);
  expect(twin.closed).toEqual({ code: 4400 });
  await clock.advanceSettled(20_000);
  // How writes are gathered depends on the moment they come in, not on what they say.
  expect(inTheEnd(twinWritten)).toEqual(inTheEnd(plainWritten));
  expect(inTheEnd(plainWritten).receipts.size).toBeGreaterThan(3);
});

test("of two requests at the same time both count: the one that lost reads again", async () => {
  const log = recordedLog();
  const clock = new FakeClock();
  const written: NodeWrites[] = [];
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const { signer } = testSigning();
  const publisher = createPublisher({
    ...{ database: db.database, signer, log, clock, random: Math.random, doorbell: false },
    sealForNode: () => Promise.reject(new Error("no secrets here")),
  });
  onTestFinished(() => publisher.stop());
  const status = new StatusWriter({
    ...{ clock, log, random: () => 0, instance: "one" },
    write: (writes) => {
      written.push(writes);
      return Promise.resolve();
    },
  });
  const taken: number[] = [];
  const twin = new LongPollTwin({
    desk: {
      ...{ publisher, status, clock, log },
      answered: () => undefined,
      takeReport: (_, { seq }) => {
        taken.push(seq);
        return Promise.resolve(seq);
      },
    },
    node: {
      nodeId: anyId("nod"),
      receivingKey: "",
      key: { tenantId: anyId("ten"), groupId: anyId("grp") },
      generation: 1,
      session: "session",
    },
    open: { session: "session", desired: null, marks: {}, reconnect: { minMs: 0, maxMs: 0 } },
  });
  await twin.post(JSON.stringify(hello()));
  await Promise.all(Array.from({ length: 10 }, () => twin.post(JSON.stringify(report(1)))));
  expect(taken, "a report counts once").toEqual([1]);
  expect(twin.row.conflicts).toBeGreaterThan(0);
});
