import { sleep, type Clock } from "#shared/base/clock.ts";
import type { QuestionId, TenantId } from "#shared/base/ids.ts";
import { planMsMax, planPollMs, plansMax, plansPerTenantMax } from "#shared/base/limits.ts";

import type { Actor, VerbDeps } from "../verbs/actor.ts";
import { endQuestion } from "../verbs/question/end.ts";
import type { StoredAnswer } from "../view/asked-nodes.ts";
import { readAnswers } from "../view/read-answers.ts";

export interface QuestionRoomDeps {
  readonly verbs: Pick<VerbDeps, "database">;
  readonly clock: Clock;
}

/** The tenant, or all tenants together, ask nodes for as much as they may. */
export interface RoomRefusal {
  readonly kind: "tenant-full" | "full";
}

/** What was asked; `question` is null when nobody is there to be asked. */
interface Asked {
  readonly question: QuestionId | null;
}

export type RoomOutcome<A extends Asked> =
  | { readonly kind: "heard"; readonly asked: A; readonly answers: readonly StoredAnswer[] }
  | RoomRefusal;

/**
 * Asks nodes and waits for the answers: until all have come, or for `planMsMax`. The nodes may be
 * linked to any instance; question and answers meet in the database. So many wait at a time.
 */
export class QuestionRoom {
  readonly #deps: QuestionRoomDeps;
  readonly #byTenant = new Map<TenantId, number>();
  #count = 0;

  constructor(deps: QuestionRoomDeps) {
    this.#deps = deps;
  }

  /** @throws Fault as storage does, and whatever `ask` throws */
  async hear<A extends Asked>(actor: Actor, ask: () => Promise<A>): Promise<RoomOutcome<A>> {
    const { tenantId } = actor;
    const ofTenant = this.#byTenant.get(tenantId) ?? 0;
    if (this.#count >= plansMax) return { kind: "full" };
    if (ofTenant >= plansPerTenantMax) return { kind: "tenant-full" };
    this.#enter(tenantId);
    try {
      const asked = await ask();
      return { kind: "heard", asked, answers: await this.#answersTo(actor, asked) };
    } finally {
      this.#leave(tenantId);
    }
  }

  async #answersTo(actor: Actor, { question }: Asked): Promise<readonly StoredAnswer[]> {
    if (question === null) return [];
    try {
      return await this.#answers(actor.tenantId, question);
    } finally {
      await endQuestion(this.#deps.verbs, actor, question);
    }
  }

  async #answers(tenantId: TenantId, question: QuestionId): Promise<readonly StoredAnswer[]> {
    const { verbs, clock } = this.#deps;
    const endMs = clock.monotonicMs() + planMsMax;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      await sleep(clock, planPollMs);
      // oxlint-disable-next-line no-await-in-loop -- one look at a time
      const answers = await readAnswers(verbs, tenantId, question);
      const isComplete = answers.every(({ code }) => code !== null);
      if (isComplete || clock.monotonicMs() >= endMs) return answers;
    }
  }

  #enter(tenantId: TenantId): void {
    this.#count += 1;
    this.#byTenant.set(tenantId, (this.#byTenant.get(tenantId) ?? 0) + 1);
  }

  #leave(tenantId: TenantId): void {
    this.#count -= 1;
    const left = (this.#byTenant.get(tenantId) ?? 1) - 1;
    if (left > 0) this.#byTenant.set(tenantId, left);
    else this.#byTenant.delete(tenantId);
  }
}
