import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import type { NodeId } from "#shared/base/ids.ts";
import { bootsPerNodeKept, reportAnswerMsMax } from "#shared/base/limits.ts";
import type { Report } from "#shared/measures/report.ts";
import type { StatisticsMark } from "#shared/wire/control-frames.ts";

import { createIngest } from "../../../control/aggregate/ingest.ts";
import type { LinkEffect } from "../../../control/node-link/link-machine-events.ts";
import { ReportQueue } from "../../../node-agent/stats/report-queue.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { recordedLog } from "../../support/recorded-log.ts";
import { anyId, tenantRows } from "../../support/tenant-rows.ts";
import { conversation, framesOf, hello, only, type Conversation } from "./conversation.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.stop());

/** A node that counts, the machine that it talks to, and the store behind that. */
interface Counting {
  readonly node: NodeId;
  readonly queue: ReportQueue;
  /** How often each report left, by boot and number. */
  readonly sent: Map<string, number>;
  links: number;
  /** What the machine is told of the store when the next link opens; the truth unless set. */
  marks: Readonly<Record<string, number>> | undefined;
  /** Whether the store answers. */
  answers: boolean;
  counts(connections: number): void;
  open(): Promise<void>;
  /** Until everything is confirmed; fails when that takes more than a few tries. */
  settle(): Promise<void>;
  total(): Promise<number>;
}

async function counting(): Promise<Counting> {
  const tenant = await tenantRows(db.sql);
  const [balancer, node]: [string, NodeId] = [anyId("bal"), anyId("nod")];
  await tenant.commit({ [balancer]: { name: "web" } });
  await db.sql`
    INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent)
    VALUES (${tenant.tenantId}, ${node}, 'grp', 'host', 'k', 'k', 'a')`;
  const ingest = createIngest({ database: db.database, clock: systemClock(), log: recordedLog() });
  onTestFinished(() => ingest.stop());
  const boots = { made: 0 };
  let talk: Conversation = conversation();
  let atMs = 0;

  const stored = async (): Promise<Readonly<Record<string, number>>> => {
    const rows = await db.sql<{ boot_id: string; seq: string }[]>`
      SELECT boot_id, seq FROM stat_seen
        WHERE node_id = ${node} ORDER BY at DESC LIMIT ${bootsPerNodeKept}`;
    return Object.fromEntries(rows.map(({ boot_id, seq }) => [boot_id, Number(seq)]));
  };

  /** What follows on both sides from what the machine did. */
  const heard = async (effects: readonly LinkEffect[]): Promise<void> => {
    for (const { report, clockOffsetMs } of only(effects, "ingest")) {
      const mark = one.answers ? await ingest.take(node, report, clockOffsetMs) : null;
      const { bootId, seq } = report;
      await heard(talk.on({ kind: "report-settled", bootId, seq, mark }));
    }
    for (const frame of framesOf(effects)) {
      if (frame.t === "hb") one.queue.marked(frame.statistics, atMs);
    }
    if (only(effects, "close").length > 0) await one.open();
  };

  const offer = async (): Promise<void> => {
    for (let report = one.queue.next(); report !== undefined; report = one.queue.next()) {
      one.queue.sent(report, atMs);
      const key = `${report.bootId} ${report.seq}`;
      one.sent.set(key, (one.sent.get(key) ?? 0) + 1);
      await heard(talk.says({ t: "st", report }));
    }
  };

  const one: Counting = {
    node,
    queue: new ReportQueue(() => `boot-${(boots.made += 1)}`),
    sent: new Map(),
    links: 0,
    marks: undefined,
    answers: true,
    counts: (connections) => one.queue.add(intervalOf(balancer, connections)),
    open: async () => {
      one.links += 1;
      talk = conversation({ marks: one.marks ?? (await stored()) });
      one.marks = undefined;
      const { bootId } = one.queue;
      one.queue.linked(welcomed(talk.says(hello({ bootId }))));
      // A counting that starts over introduces itself anew, as the agent does.
      if (one.queue.bootId !== bootId) await one.open();
    },
    settle: async () => {
      for (let tries = 0; one.queue.size > 0; tries += 1) {
        if (tries > 5) throw new Error(`${one.queue.size} reports are never confirmed`);
        await offer();
        atMs += reportAnswerMsMax;
        talk.nowMs += reportAnswerMsMax;
        await heard(talk.on({ kind: "tick" }));
        one.queue.marked({ bootId: talk.state.bootId, seq: talk.state.reportsStored }, atMs);
      }
    },
    total: async () => {
      const [row] = await db.sql`
        SELECT coalesce(sum(connections), 0)::int AS n FROM stat_totals WHERE node_id = ${node}`;
      return Number(row?.["n"]);
    },
  };
  return one;
}

function intervalOf(balancer: string, connections: number) {
  const row: Report["rows"][number] = {
    balancer,
    backend: "",
    counters: [connections],
    gauges: [],
  };
  const counters = [connections, 0, 0, 0, 0];
  return { fromMs: 0, toMs: Date.now(), rows: [{ ...row, counters, gauges: [0, 0] }] };
}

function welcomed(effects: readonly LinkEffect[]): StatisticsMark {
  const [welcome] = framesOf(effects).flatMap((frame) => (frame.t === "welcome" ? [frame] : []));
  if (welcome === undefined) throw new Error("no welcome");
  return welcome.statistics;
}

/** What becomes of the store: three reports of one connection each are in it and confirmed. */
type Store = (one: Counting) => Promise<unknown>;

const untouched: Store = () => Promise.resolve();
/** As a restored backup: what was confirmed since is gone, its counts too. */
const behind: Store = ({ node }) =>
  db.sql.begin(async (tx) => {
    await tx`UPDATE stat_seen SET seq = 1 WHERE node_id = ${node}`;
    await tx`UPDATE stat_totals SET connections = 1 WHERE node_id = ${node}`;
  });
/** As after a quiet week: the counting is not known any more, the counts are there. */
const forgotten: Store = ({ node }) => db.sql`DELETE FROM stat_seen WHERE node_id = ${node}`;
/** The answer to the next report was lost: it is counted, and the node does not know. */
const ahead: Store = ({ node }) =>
  db.sql.begin(async (tx) => {
    await tx`UPDATE stat_seen SET seq = seq + 1 WHERE node_id = ${node}`;
    await tx`UPDATE stat_totals SET connections = connections + 1 WHERE node_id = ${node}`;
  });

describe("every report is counted once, and none is sent for ever", () => {
  test.each<[string, Store, { readonly total: number; readonly boots: number }]>([
    ["knows what it confirmed", untouched, { total: 5, boots: 1 }],
    ["knows less than it confirmed", behind, { total: 3, boots: 2 }],
    ["does not know the counting", forgotten, { total: 5, boots: 2 }],
    ["knows more than it confirmed", ahead, { total: 5, boots: 1 }],
  ])("when the store %s", async (_what, store, expected) => {
    for (const when of ["before the link", "during the link", "before a stale link"] as const) {
      const one = await counting();
      await one.open();
      for (let n = 0; n < 3; n += 1) one.counts(1);
      await one.settle();
      expect(await one.total()).toBe(3);
      for (let n = 0; n < 2; n += 1) one.counts(1);
      if (when === "before a stale link") one.marks = { "boot-1": 3 };
      if (when === "during the link") await one.open();
      await store(one);
      if (when !== "during the link") await one.open();
      const links = one.links;
      await one.settle();
      expect(await one.total(), when).toBe(expected.total);
      expect(one.queue.bootId, when).toBe(`boot-${expected.boots}`);
      expect(Math.max(...one.sent.values()), when).toBeLessThanOrEqual(2);
      expect(one.links - links, "it takes two more links at most").toBeLessThanOrEqual(2);
      one.counts(1);
      await one.settle();
      expect(await one.total(), "and it goes on").toBe(expected.total + 1);
    }
  });

  test("when a link opens that knows nothing of a counting that the store has", async () => {
    const one = await counting();
    await one.open();
    for (let n = 0; n < 3; n += 1) one.counts(1);
    await one.settle();
    one.counts(1);
    one.marks = {};
    await one.open();
    await one.settle();
    expect(await one.total()).toBe(4);
  });

  test("when the store does not answer for a while, and then does", async () => {
    const one = await counting();
    await one.open();
    for (let n = 0; n < 3; n += 1) one.counts(1);
    one.answers = false;
    await expect(one.settle()).rejects.toThrow("never confirmed");
    expect(await one.total()).toBe(0);
    one.answers = true;
    await one.settle();
    expect(await one.total()).toBe(3);
    expect(one.links).toBe(1);
  });
});
