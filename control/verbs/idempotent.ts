import { idempotencyMs } from "#shared/base/limits.ts";

import type { Transaction } from "../storage/database.ts";
import { claimIdempotencyKey, keepAnswer } from "../storage/queries/idempotency.ts";
import type { Actor, Idempotency, VerbDeps } from "./actor.ts";
import type { Mismatch } from "./outcomes.ts";
import { kept, transact, undone, type Ended } from "./transact.ts";

/**
 * Runs a verb's body in one transaction, once per idempotency key: the key is claimed in the same
 * transaction, so the effect and the kept answer are there together or not at all. A repeated
 * request gets the first one's outcome, also when both come at the same time.
 *
 * Outcomes that changed nothing are not kept: the request may be repeated once it is right.
 */
export function transactOnce<O>(
  deps: Pick<VerbDeps, "database" | "sealer" | "clock">,
  actor: Actor,
  body: (tx: Transaction) => Promise<Ended<O>>,
): Promise<O | Mismatch> {
  const { idempotency } = actor;
  if (idempotency === undefined) return transact<O | Mismatch>(deps, actor, body);
  return transact<O | Mismatch>(deps, actor, async (tx) => {
    const nowMs = deps.clock.nowMs();
    const claim = { ...idempotency, nowMs, expiresAtMs: nowMs + idempotencyMs };
    const claimed = await claimIdempotencyKey(tx, actor.tenantId, claim);
    if (claimed.kind === "answered") {
      if (claimed.fingerprint !== idempotency.fingerprint) return undone({ kind: "mismatch" });
      const context = answerContext(actor, idempotency);
      return undone(outcomeOf<O>(await deps.sealer.open(claimed.sealedAnswer, context)));
    }
    const ended = await body(tx);
    return ended.kept ? keptOnce(deps, { tx, actor, idempotency }, ended.outcome) : ended;
  });
}

interface Claimed {
  readonly tx: Transaction;
  readonly actor: Actor;
  readonly idempotency: Idempotency;
}

async function keptOnce<O>(
  deps: Pick<VerbDeps, "sealer">,
  { tx, actor, idempotency }: Claimed,
  outcome: O,
): Promise<Ended<O>> {
  const text = JSON.stringify(outcome);
  const sealedAnswer = await deps.sealer.seal(text, answerContext(actor, idempotency));
  await keepAnswer(tx, actor.tenantId, { key: idempotency.key, sealedAnswer });
  return kept(outcome);
}

function answerContext(actor: Actor, { key }: Idempotency): string {
  return `answer ${actor.tenantId} ${key}`;
}

/** Guarantee: the text was written by `keptOnce` for the same request; outcomes are plain JSON. */
function outcomeOf<O>(text: string): O {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(text) as O;
}
