import { expect, test } from "vitest";

import { agentPlansMax } from "#shared/base/limits.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import { keyIdOf, newKeyPair, privateKeyOf } from "#shared/snapshot/keys.ts";
import { signWith } from "#shared/snapshot/signature.ts";
import type { CommandFrame } from "#shared/wire/control-frames.ts";
import type { PlanFinding, PlanResult } from "#shared/wire/plan.ts";

import { PlanDesk, type PlanRequest } from "../../../node-agent/control-link/plan-desk.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";

const { publicKey, privateKey } = newKeyPair("ed25519");
const key = { keyId: keyIdOf(publicKey), privateKey: privateKeyOf(privateKey) };
const definition = { name: "web" };
const definitionHash = sha256Hex(canonicalJson(definition));

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
  backends: { found: 0, tried: 0, reachable: 0 },
};

function desk(plan: (request: PlanRequest) => Promise<PlanResult>): PlanDesk {
  const trusted = new Map([[key.keyId, publicKey]]);
  return new PlanDesk({ log: silentLog(), node: "nod_a", trusted, plan });
}

/** A question that is signed for `node`, with arguments of its own if there are any. */
function command(id: string, over: { node?: string; args?: object } = {}): CommandFrame {
  const value = { node: over.node ?? "nod_a", question: id, balancer: null, definitionHash };
  const signature = signWith(key, "midstream.plan.v1", value);
  const args = { balancer: null, definition, signature, ...over.args };
  return { t: "cmd", id, name: "plan", deadlineMs: 4_000, args };
}

test("what is signed for this node and this question is answered", async () => {
  const asked: PlanRequest[] = [];
  const one = desk((request) => {
    asked.push(request);
    return Promise.resolve(result);
  });
  expect(await one.answer(command("q1"))).toEqual({ code: "done", result });
  expect(asked).toMatchObject([{ balancer: null, definition, withinMs: 4_000 }]);
});

test("nothing is looked at for another node's, another question's, or a changed definition", async () => {
  const one = desk(() => Promise.reject(new Error("must not be asked")));
  const unsigned = { code: "bad-signature", result: null };
  expect(await one.answer(command("q1", { node: "nod_b" }))).toEqual(unsigned);
  expect(await one.answer({ ...command("q1"), id: "q2" })).toEqual(unsigned);
  const changed = { definition: { name: "other" } };
  expect(await one.answer(command("q1", { args: changed }))).toEqual(unsigned);
  expect(await one.answer(command("q1", { args: { balancer: "bal_1" } }))).toEqual(unsigned);
  const odd = { args: { signature: "none" } };
  expect(await one.answer(command("q1", odd))).toEqual({ code: "bad-args", result: null });
});

test("more than a few at once are answered busy, and a plan that breaks is answered failed", async () => {
  const late = Promise.withResolvers<PlanResult>();
  const one = desk(() => late.promise);
  const running = Array.from({ length: agentPlansMax }, (_, index) =>
    one.answer(command(`q${index}`)),
  );
  expect(await one.answer(command("more"))).toEqual({ code: "busy", result: null });
  late.reject(new Error("broken"));
  expect(await Promise.all(running)).toEqual(running.map(() => ({ code: "failed", result: null })));
});

test("an agent that ends ends its plans", async () => {
  const one = desk(
    ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(result));
      }),
  );
  const answer = one.answer(command("q1"));
  await one.stop();
  expect(await answer).toEqual({ code: "done", result });
});
