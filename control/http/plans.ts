import type { Actor, VerbDeps } from "../verbs/actor.ts";
import { askPlan, type AskPlanInput } from "../verbs/plan/ask.ts";
import { nodePlans, type PlanView } from "../view/plan-view.ts";
import type { QuestionRoom, RoomRefusal } from "./question-room.ts";

export interface PlansDeps {
  readonly verbs: VerbDeps;
  readonly room: QuestionRoom;
}

/** What came of a plan, or that as much is asked already as may be. */
export type PlanOutcome = { readonly kind: "planned"; readonly plan: PlanView } | RoomRefusal;

/** Asks nodes what they would find. */
export class Plans {
  readonly #deps: PlansDeps;

  constructor(deps: PlansDeps) {
    this.#deps = deps;
  }

  /** @throws Fault as storage does, and `verbs/missing-scope` */
  async ask(actor: Actor, input: AskPlanInput): Promise<PlanOutcome> {
    const { verbs, room } = this.#deps;
    const heard = await room.hear(actor, () => askPlan(verbs, actor, input));
    if (heard.kind !== "heard") return heard;
    const { asked, answers } = heard;
    const { group } = input.definition;
    const plan = { group, nodes: nodePlans(asked.nodes, answers), unasked: asked.unasked };
    return { kind: "planned", plan };
  }
}
