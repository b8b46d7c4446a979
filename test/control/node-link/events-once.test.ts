import { sql as statement } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { NodeEvent } from "#shared/wire/node-frames.ts";

import { StatusWriter } from "../../../control/node-link/status-writer.ts";
import type { NodeWrites } from "../../../control/node-rows.ts";
import type { Transaction } from "../../../control/storage/database.ts";
import { writeNodes } from "../../../control/storage/queries/node-status.ts";
import { eventually } from "../../support/eventually.ts";
import { nodeRow } from "../../support/node-rows.ts";
import { testDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { tenantRows } from "../../support/tenant-rows.ts";

type Write = (writes: NodeWrites) => Promise<void>;

/** A writer on a real database, with something in its way. */
async function world(inTheWay: (write: Write, kill: Write) => Write) {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  const { tenantId } = await tenantRows(db.sql);
  const nodeId = await nodeRow(db.sql, tenantId);
  const write: Write = (writes) => db.database.asSystem((tx) => writeNodes(tx, writes));
  /** The connection dies between the statement and its commit. */
  const kill: Write = (writes) =>
    db.database.asSystem(async (tx) => {
      const pid = await pidOf(tx);
      await writeNodes(tx, writes);
      await db.sql`SELECT pg_terminate_backend(${pid})`;
    });
  const writer = new StatusWriter({
    write: inTheWay(write, kill),
    ...{ clock: systemClock(), log: recordedLog(), random: () => 0, instance: "one" },
  });
  onTestFinished(() => writer.stop());
  const happened = (count: number): void =>
    writer.happened({ nodeId, generation: 1, session: "s" }, events(count));
  const stored = async (): Promise<readonly string[]> => {
    const rows = await db.sql<{ detail: string }[]>`SELECT detail FROM node_events ORDER BY seq`;
    return rows.map(({ detail }) => detail);
  };
  return { happened, stored };
}

async function pidOf(tx: Transaction): Promise<number> {
  const [row] = await tx.execute(statement`SELECT pg_backend_pid() AS pid`);
  return Number(row?.["pid"]);
}

function events(count: number): readonly NodeEvent[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ kind: "backend.up", balancer: null, backend: `b:${n}`, atMs: 0, detail: `${n}` },
  }));
}

test("events are stored once, in their order, although the connection died before the commit", async () => {
  let attempts = 0;
  const { happened, stored } = await world((write, kill) => (writes) => {
    attempts += 1;
    return attempts === 1 ? kill(writes) : write(writes);
  });
  happened(4);
  await eventually(async () => expect(await stored()).toEqual(["0", "1", "2", "3"]));
  expect(attempts).toBeGreaterThan(1);
});

test("events are stored once although the answer to the commit got lost", async () => {
  let attempts = 0;
  const { happened, stored } = await world((write) => async (writes) => {
    await write(writes);
    attempts += 1;
    const lost = { code: "storage/commit-unknown", owner: "platform", message: "lost" } as const;
    if (attempts === 1) throw new Fault(lost);
  });
  happened(3);
  await eventually(() => attempts >= 2);
  expect(await stored()).toEqual(["0", "1", "2"]);
});

test("events are stored once although the connection died when a part was stored already", async () => {
  const refused = { code: "storage/query-failed", owner: "platform", message: "no" } as const;
  let attempts = 0;
  const { happened, stored } = await world((write, kill) => (writes) => {
    attempts += 1;
    if (attempts === 1) return Promise.reject(new Fault(refused));
    return attempts === 3 ? kill(writes) : write(writes);
  });
  happened(4);
  await eventually(async () => expect(await stored()).toHaveLength(4));
  expect(attempts).toBe(4);
  expect(await stored()).toEqual(["0", "1", "2", "3"]);
});
