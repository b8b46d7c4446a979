import { expect, onTestFinished, test } from "vitest";

import type { NodeHelloWrite } from "../../../control/node-rows.ts";
import { writeNodes } from "../../../control/storage/queries/node-status.ts";
import { nodeRow } from "../../support/node-rows.ts";
import { testDatabase } from "../../support/postgres.ts";
import { tenantRows } from "../../support/tenant-rows.ts";

test.each(["zo\u0000ne", "zo\ud800ne"])(
  "a node with a label's key that cannot be stored (%j) does not keep others from being written",
  async (key) => {
    const db = await testDatabase();
    onTestFinished(() => db.stop());
    const { tenantId } = await tenantRows(db.sql);
    const odd = await nodeRow(db.sql, tenantId);
    const other = await nodeRow(db.sql, tenantId);
    const hello = (node: typeof odd, labels: NodeHelloWrite["labels"]): NodeHelloWrite => ({
      ...{ node, labels, generation: 1, agent: "1.0.0", os: "linux", hostname: "h" },
      capabilities: [],
    });
    const hellos = [hello(odd, { [key]: "a", b: "c" }), hello(other, { zone: "z" })];
    await db.sql`UPDATE nodes SET generation = 1`;
    await db.database.asSystem((tx) =>
      writeNodes(tx, { status: [], hellos, receipts: [], events: [] }),
    );
    const rows = await db.sql<{ id: string; labels: unknown }[]>`SELECT id, labels FROM nodes`;
    const labels = new Map(rows.map((row) => [row.id, row.labels]));
    expect(labels.get(other)).toEqual({ zone: "z" });
    const stored = key.replace("\u0000", "").replace("\ud800", "\ufffd");
    expect(labels.get(odd)).toEqual({ [stored]: "a", b: "c" });
  },
);
