import { jitteredMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import { planMarginMs, questionsPerSweepMax, questionSweepMs } from "#shared/base/limits.ts";
import type { Signer } from "#shared/snapshot/signature.ts";
import type { SignedPlan } from "#shared/wire/plan.ts";

import type { FlipLog } from "../flip-log.ts";
import type { AskedQuestion, OpenQuestion } from "../node-rows.ts";
import type { LinkRegistry } from "./link-registry.ts";
import type { NodeStore } from "./node-store.ts";
import { planToSign, signedPlan } from "./signed-plan.ts";

export interface QuestionSweepDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly store: Pick<NodeStore, "openQuestions" | "askedQuestions">;
  readonly registry: Pick<LinkRegistry, "find" | "size">;
  readonly signer: Pick<Signer, "sign">;
  readonly trouble: FlipLog;
}

/**
 * Puts questions to the nodes whose links this process holds, whichever instance was asked: twice a
 * second from now on. Gives what stops it.
 */
export function startQuestionSweep(deps: QuestionSweepDeps): { readonly stop: () => void } {
  const { clock, random } = deps;
  let stopped = false;
  let timer: Timer;
  const next = (): Timer =>
    clock.after(jitteredMs(questionSweepMs, 0.2, random), () => {
      void swept(deps).finally(() => {
        if (!stopped) timer = next();
      });
    });
  timer = next();
  return {
    stop: () => {
      stopped = true;
      timer.stop();
    },
  };
}

async function swept({ store, registry, signer, trouble }: QuestionSweepDeps): Promise<void> {
  if (registry.size === 0) return;
  try {
    const open = await store.openQuestions(questionsPerSweepMax);
    const mine = open.filter(({ node, question }) => {
      const link = registry.find(node);
      return link !== undefined && !link.isAsked(question);
    });
    if (mine.length > 0) {
      const asked = await store.askedQuestions([...new Set(mine.map(({ question }) => question))]);
      await putAll(registry, { mine, asked, signer });
    }
    trouble.worked("questions");
  } catch (error) {
    trouble.failed("questions", error);
  }
}

interface Found {
  readonly mine: readonly OpenQuestion[];
  readonly asked: readonly AskedQuestion[];
  readonly signer: Pick<Signer, "sign">;
}

async function putAll(
  registry: QuestionSweepDeps["registry"],
  { mine, asked, signer }: Found,
): Promise<void> {
  const prepared = new Map(
    asked.map((stored) => [stored.id, { ...stored, argsFor: argsOf(stored, signer) }]),
  );
  await Promise.all(
    mine.map(async ({ node, question }) => {
      const found = prepared.get(question);
      if (found === undefined) return;
      const { id, name, argsFor, leftMs } = found;
      const args = await argsFor({ node, question });
      if (args === undefined) return;
      const deadlineMs = Math.floor(leftMs - planMarginMs);
      registry.find(node)?.handle({ kind: "ask", question: { id, name, args, deadlineMs } });
    }),
  );
}

/** What a question says to each node; undefined when what is stored is no such question. */
function argsOf(
  { name, args }: AskedQuestion,
  signer: Found["signer"],
): (to: Pick<SignedPlan, "node" | "question">) => Promise<unknown> {
  switch (name) {
    case "health":
      return () => Promise.resolve(args);
    case "plan": {
      const plan = planToSign(args);
      return async (to) => plan && signedPlan(signer, plan, to);
    }
  }
}
