import { sleep, type Clock } from "#shared/base/clock.ts";
import type { QuestionId, TenantId } from "#shared/base/ids.ts";
import { planMsMax, planPollMs, plansMax, plansPerTenantMax } from "#shared/base/limits.ts";

import type { Actor, VerbDeps } from "../verbs/actor.ts";
import { askPlan, type AskPlanInput } from "../verbs/plan/ask.ts";
import { endPlan } from "../verbs/plan/end.ts";
import { nodePlans, type PlanView, type StoredAnswer } from "../view/plan-view.ts";
import { readPlan } from "../view/read-plan.ts";

export interface PlansDeps {
  readonly verbs: VerbDeps;
  readonly clock: Clock;
}

/** What came of a plan, or that the tenant, or all tenants together, ask for as many as they may. */
export type PlanOutcome =
  | { readonly kind: "planned"; readonly plan: PlanView }
  | { readonly kind: "tenant-full" }
  | { readonly kind: "full" };

/**
 * Asks nodes what they would find, and waits for the answers: until all have come, or for
 * `planMsMax`. The nodes may be linked to any instance; question and answers meet in the database.
 */
export class Plans {
  readonly #deps: PlansDeps;
  readonly #byTenant = new Map<TenantId, number>();
  #count = 0;

  constructor(deps: PlansDeps) {
    this.#deps = deps;
  }

  /** @throws Fault as storage does, and `verbs/missing-scope` */
  async ask(actor: Actor, input: AskPlanInput): Promise<PlanOutcome> {
    const { tenantId } = actor;
    const ofTenant = this.#byTenant.get(tenantId) ?? 0;
    if (this.#count >= plansMax) return { kind: "full" };
    if (ofTenant >= plansPerTenantMax) return { kind: "tenant-full" };
    this.#enter(tenantId);
    try {
      return { kind: "planned", plan: await this.#planned(actor, input) };
    } finally {
      this.#leave(tenantId);
    }
  }

  async #planned(actor: Actor, input: AskPlanInput): Promise<PlanView> {
    const { verbs } = this.#deps;
    const { group } = input.definition;
    const { question, nodes, unasked } = await askPlan(verbs, actor, input);
    if (question === null) return { group, nodes: nodePlans(nodes, []), unasked };
    try {
      const answers = await this.#answers(actor.tenantId, question);
      return { group, nodes: nodePlans(nodes, answers), unasked };
    } finally {
      await endPlan(verbs, actor, question);
    }
  }

  async #answers(tenantId: TenantId, question: QuestionId): Promise<readonly StoredAnswer[]> {
    const { verbs, clock } = this.#deps;
    const endMs = clock.monotonicMs() + planMsMax;
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      await sleep(clock, planPollMs);
      // oxlint-disable-next-line no-await-in-loop -- one look at a time
      const answers = await readPlan(verbs, tenantId, question);
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
