import { expect, onTestFinished, test } from "vitest";

import { parseId, type QuestionId } from "#shared/base/ids.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import { isSignedBy } from "#shared/snapshot/signature.ts";
import type { CommandFrame } from "#shared/wire/control-frames.ts";
import { planArgsSchema, type PlanFinding, type PlanResult } from "#shared/wire/plan.ts";

import { insertQuestion } from "../../../control/storage/queries/questions.ts";
import { eventually } from "../../support/eventually.ts";
import { nodeControl } from "../../support/node-control.ts";
import type { SimulatedNode } from "../../support/simulated-node.ts";
import { anyId } from "../../support/tenant-rows.ts";
import { nodeWorld, type NodeWorld } from "./node-world.ts";

const yes: PlanFinding = { state: "yes", problems: [], unlisted: 0 };
const result: PlanResult = {
  aspects: {
    supported: yes,
    permitted: yes,
    bindable: yes,
    discoverable: yes,
    resolvable: yes,
    dialable: yes,
  },
  backends: { found: 1, tried: 1, reachable: 1 },
};

const definition = { name: "web", text: "ü" };

async function put({ db, tenant }: NodeWorld, node: SimulatedNode): Promise<QuestionId> {
  const id = anyId("qst");
  const nodeId = parseId("nod", node.node);
  await db.database.asTenant(tenant.tenantId, (tx) =>
    insertQuestion(tx, tenant.tenantId, {
      ...{ id, name: "plan", args: { balancer: null, definition } },
      ...{ nodes: nodeId === undefined ? [] : [nodeId], forMs: 30_000 },
    }),
  );
  return id;
}

async function heard(node: SimulatedNode, id: QuestionId): Promise<CommandFrame> {
  return eventually(() => {
    const frame = node.frames.find((one) => one.t === "cmd" && one.id === id);
    if (frame?.t !== "cmd") throw new Error("not asked yet");
    return frame;
  });
}

async function stored({ db }: NodeWorld, id: QuestionId) {
  return eventually(async () => {
    const [row] = await db.sql`
      SELECT code, result FROM question_answers WHERE question_id = ${id} AND code IS NOT NULL`;
    if (row === undefined) throw new Error("no answer yet");
    return { code: row["code"] as unknown, result: row["result"] as unknown };
  });
}

test("a question is found by the instance that holds the link, without NOTIFY; it is signed for this node; the answer is stored", async () => {
  const world = await nodeWorld({ doorbell: false });
  const other = await nodeControl(onTestFinished, world.db, { doorbell: false });
  const node = await world.node({ url: other.url });
  expect(await node.connect()).toEqual({ kind: "open" });
  const id = await put(world, node);

  const { args, deadlineMs } = await heard(node, id);

  expect(deadlineMs).toBeGreaterThan(0);
  const { signature, ...rest } = planArgsSchema.parse(args);
  expect(rest).toEqual({ balancer: null, definition });
  const definitionHash = sha256Hex(canonicalJson(definition));
  const value = { node: node.node, question: id, balancer: null, definitionHash };
  expect(isSignedBy(world.control.trusted, "midstream.plan.v1", { value, signature })).toBe(true);
  node.send({ t: "cmdr", id, ok: true, code: "done", result });
  expect(await stored(world, id)).toEqual({ code: "done", result });
  expect(node.frames.filter(({ t }) => t === "cmd")).toHaveLength(1);
});

test("what is no answer to a plan is not stored, and what a node cannot do is", async () => {
  const world = await nodeWorld();
  const node = await world.node();
  await node.connect();
  const odd = await put(world, node);
  await heard(node, odd);
  node.send({ t: "cmdr", id: odd, ok: true, code: "done", result: { aspects: "\u0000" } });
  expect(await stored(world, odd)).toEqual({ code: "bad-answer", result: null });
  const old = await put(world, node);
  await heard(node, old);
  node.send({ t: "cmdr", id: old, ok: false, code: "unsupported", result: { any: "thing" } });
  expect(await stored(world, old)).toEqual({ code: "unsupported", result: null });
});

test("a question that a lost link took along is asked again on the next one", async () => {
  const world = await nodeWorld();
  const node = await world.node();
  await node.connect();
  const id = await put(world, node);
  await heard(node, id);
  node.drop();
  await node.closed;
  node.frames.length = 0;
  await node.connect();
  await heard(node, id);
  node.send({ t: "cmdr", id, ok: false, code: "busy", result: null });
  expect(await stored(world, id)).toEqual({ code: "busy", result: null });
});

test("a node answers for itself only: another node's question stays open", async () => {
  const world = await nodeWorld();
  const asked = await world.node();
  const stranger = await world.node();
  await asked.connect();
  await stranger.connect();
  const id = await put(world, asked);
  await heard(asked, id);
  stranger.send({ t: "cmdr", id, ok: true, code: "done", result });
  asked.send({ t: "cmdr", id, ok: false, code: "busy", result: null });
  expect(await stored(world, id)).toMatchObject({ code: "busy" });
});
