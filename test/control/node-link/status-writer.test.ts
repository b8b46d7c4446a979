import { describe, expect, test } from "vitest";

import { Fault } from "#shared/base/fault.ts";
import { lastSeenMs, nodeEventsWaitingMax, receiptMsMax, sentMsMax } from "#shared/base/limits.ts";

import { StatusWriter } from "../../../control/node-link/status-writer.ts";
import type { NodeWrites } from "../../../control/node-rows.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { anyId } from "../../support/tenant-rows.ts";
import { hello, version } from "./conversation.ts";

function link(generation = 1) {
  return { nodeId: anyId("nod"), generation, session: `s${generation}` };
}

function started(write?: (writes: NodeWrites) => Promise<void>) {
  const clock = new FakeClock();
  const written: NodeWrites[] = [];
  const log = recordedLog();
  const keep = (writes: NodeWrites): Promise<void> => {
    written.push(writes);
    return Promise.resolve();
  };
  const writer = new StatusWriter({
    write: async (writes) => {
      await write?.(writes);
      await keep(writes);
    },
    ...{ clock, log, random: () => 0.5, instance: "one" },
  });
  return { clock, written, writer, log };
}

const away = new Fault({ code: "storage/unavailable", owner: "platform", message: "away" });
const refused = new Fault({ code: "storage/query-failed", owner: "platform", message: "no" });

describe("what nodes say is written", () => {
  test("within milliseconds when somebody may wait for it, all of it in one statement", async () => {
    const { clock, written, writer } = started();
    const links = Array.from({ length: 300 }, () => link());
    for (const each of links) {
      writer.changed(each, { phase: "serving" }, true);
      writer.reached(each, { rev: 4, phase: "serving", errors: [] });
    }
    await clock.advanceSettled(receiptMsMax);
    expect(written).toHaveLength(1);
    expect(written[0]?.status).toHaveLength(300);
    expect(written[0]?.receipts).toHaveLength(300);
  });

  test("together and seldom when it is a heartbeat", async () => {
    const { clock, written, writer } = started();
    const each = link();
    for (let second = 0; second < lastSeenMs / 1_000 - 1; second += 1) {
      writer.changed(each, { connections: second }, false);
      await clock.advanceSettled(1_000);
    }
    expect(written).toEqual([]);
    await clock.advanceSettled(1_000);
    expect(written.map(({ status }) => status.map(({ change }) => change))).toEqual([
      [{ connections: lastSeenMs / 1_000 - 2 }],
    ]);
  });

  test("the newest of each field counts, an older link changes nothing", async () => {
    const { clock, written, writer } = started();
    const [older, nodeId] = [link(1), anyId("nod")];
    writer.changed({ ...older, nodeId }, { connections: 1 }, false);
    writer.changed({ ...older, nodeId, generation: 2 }, { phase: "sent", failing: 1 }, true);
    writer.changed({ ...older, nodeId, generation: 2 }, { phase: "serving" }, true);
    writer.changed({ ...older, nodeId }, { connected: false }, true);
    await clock.advanceSettled(receiptMsMax);
    expect(written[0]?.status).toMatchObject([
      { generation: 2, change: { phase: "serving", failing: 1 } },
    ]);
  });

  test("a receipt keeps the first time of each step and the last errors", async () => {
    const { clock, written, writer } = started();
    const each = link();
    const startMs = clock.nowMs();
    const error = { id: null, pointer: "", code: "c", detail: "d" };
    writer.reached(each, { rev: 2, phase: "sent", errors: [] });
    clock.advance(3);
    writer.reached(each, { rev: 2, phase: "refused", errors: [error] });
    clock.advance(3);
    writer.reached(each, { rev: 2, phase: "serving", errors: [] });
    await clock.advanceSettled(receiptMsMax);
    const servingMs = startMs + 6;
    expect(written[0]?.receipts).toEqual([
      {
        ...{ node: each.nodeId, rev: 2, sentMs: startMs, errors: [] },
        ...{ storedMs: servingMs, appliedMs: servingMs, servingMs },
      },
    ]);
  });

  test("events keep their time, but are never in the future", async () => {
    const { clock, written, writer } = started();
    const event = { kind: "backend.up", balancer: null, backend: null, detail: "" } as const;
    writer.happened(link(), [
      { ...event, atMs: 5 },
      { ...event, atMs: clock.nowMs() + 1_000_000 },
    ]);
    await clock.advanceSettled(receiptMsMax);
    expect(written[0]?.events.map(({ atMs }) => atMs)).toEqual([5, clock.nowMs() - receiptMsMax]);
  });

  test("also when the process stops", async () => {
    const { written, writer } = started();
    writer.changed(link(), { connections: 1 }, false);
    writer.introduced(link(), hello());
    await writer.stop();
    expect(written[0]?.status).toHaveLength(1);
    expect(written[0]?.hellos).toHaveLength(1);
  });
});

test("that something was sent is written within a second, with its answer if that came", async () => {
  const { clock, written, writer } = started();
  const [answering, silent] = [link(), link()];
  for (const each of [answering, silent]) {
    writer.changed(each, { phase: "sent" }, false);
    writer.reached(each, { rev: 1, phase: "sent", errors: [] });
  }
  await clock.advanceSettled(100);
  expect(written).toEqual([]);
  writer.changed(answering, { phase: "serving" }, true);
  writer.reached(answering, { rev: 1, phase: "serving", errors: [] });
  await clock.advanceSettled(receiptMsMax);
  const [first] = written;
  expect(first?.status.map(({ change }) => change)).toEqual([{ phase: "serving" }]);
  expect(first?.receipts).toMatchObject([{ node: answering.nodeId, sentMs: expect.any(Number) }]);
  await clock.advanceSettled(sentMsMax);
  expect(written).toHaveLength(2);
  expect(written[1]?.receipts.map(({ node }) => node)).toEqual([silent.nodeId]);
  expect(written[1]?.status).toMatchObject([{ change: { phase: "sent" } }]);
});

describe("while Postgres is away", () => {
  test("the newest of each node is kept, and written when it is back", async () => {
    const state = { away: true };
    const { clock, written, writer, log } = started(() =>
      state.away ? Promise.reject(away) : Promise.resolve(),
    );
    const each = link();
    writer.changed(each, { running: version(1), phase: "sent" }, true);
    writer.reached(each, { rev: 1, phase: "sent", errors: [] });
    await clock.advanceSettled(5_000);
    writer.changed(each, { phase: "serving" }, true);
    writer.reached(each, { rev: 1, phase: "serving", errors: [] });
    await clock.advanceSettled(15_000);
    expect(written).toEqual([]);
    expect(
      log.lines.filter(({ level }) => level === "error"),
      "one line",
    ).toHaveLength(1);
    state.away = false;
    await clock.advanceSettled(5_000);
    expect(written).toHaveLength(1);
    expect(written[0]?.status[0]?.change).toEqual({ running: version(1), phase: "serving" });
    const [receipt] = written[0]?.receipts ?? [];
    expect(receipt?.sentMs).toBeLessThan(receipt?.servingMs ?? 0);
    expect(log.lines.at(-1)?.event).toBe("status-write.recovered");
  });

  test("what waits is bounded: the oldest events go", async () => {
    const state = { away: true };
    const { clock, written, writer } = started(() =>
      state.away ? Promise.reject(away) : Promise.resolve(),
    );
    const event = { kind: "backend.up", balancer: null, backend: null, detail: "" } as const;
    const each = link();
    for (let index = 0; index < nodeEventsWaitingMax + 500; index += 100) {
      writer.happened(
        each,
        Array.from({ length: 100 }, (_, n) => ({ ...event, atMs: index + n })),
      );
    }
    await clock.advanceSettled(1_000);
    state.away = false;
    await clock.advanceSettled(60_000);
    const times = written.flatMap(({ events }) => events.map(({ atMs }) => atMs));
    expect(times).toHaveLength(nodeEventsWaitingMax);
    expect(times[0]).toBe(500);
  });
});

test("a row that Postgres refuses is left out, all others are written", async () => {
  const poison = anyId("nod");
  const holds = ({ status, receipts }: NodeWrites): boolean =>
    [...status, ...receipts].some(({ node }) => node === poison);
  const { clock, written, writer, log } = started((writes) =>
    holds(writes) ? Promise.reject(refused) : Promise.resolve(),
  );
  const links = [link(), { ...link(), nodeId: poison }, link(), link()];
  for (const each of links) {
    writer.changed(each, { phase: "serving" }, true);
    writer.reached(each, { rev: 1, phase: "serving", errors: [] });
  }
  await clock.advanceSettled(1_000);
  const nodes = new Set(written.flatMap(({ status }) => status.map(({ node }) => node)));
  expect(nodes).toEqual(new Set(links.map(({ nodeId }) => nodeId).filter((id) => id !== poison)));
  expect(written.flatMap(({ receipts }) => receipts)).toHaveLength(3);
  expect(log.lines.filter(({ event }) => event === "status-write.left-out")).toHaveLength(2);
});
