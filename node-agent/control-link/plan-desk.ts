import { errorText } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { agentPlansMax } from "#shared/base/limits.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import { isSignedBy, type TrustedKeys } from "#shared/snapshot/signature.ts";
import type { CommandFrame } from "#shared/wire/control-frames.ts";
import { planArgsSchema, type PlanResult, type SignedPlan } from "#shared/wire/plan.ts";

import type { Log } from "../runtime/log.ts";

/** What a plan asks about. */
export interface PlanRequest {
  readonly balancer: string | null;
  readonly definition: unknown;
  readonly withinMs: number;
  /** Aborted when the agent ends. */
  readonly signal: AbortSignal;
}

export interface PlanDeskDeps {
  readonly log: Log;
  /** This node's id: what is signed for another one is not for it. */
  readonly node: string;
  readonly trusted: TrustedKeys;
  readonly plan: (request: PlanRequest) => Promise<PlanResult>;
}

/** What is answered to a command; `ok` says that it was done. */
export type PlanAnswer =
  | { readonly code: "done"; readonly result: PlanResult }
  | { readonly code: "busy" | "bad-args" | "bad-signature" | "failed"; readonly result: null };

/**
 * Answers questions about plans: only what the control plane signed for this node, and only a few at
 * the same time. Never rejects.
 */
export class PlanDesk implements Stoppable {
  readonly name = "plan-desk";
  readonly #deps: PlanDeskDeps;
  readonly #ended = new AbortController();
  #running = 0;

  constructor(deps: PlanDeskDeps) {
    this.#deps = deps;
  }

  async answer({ id, args, deadlineMs }: CommandFrame): Promise<PlanAnswer> {
    const parsed = planArgsSchema.safeParse(args);
    if (!parsed.success) return refused("bad-args");
    const { balancer, definition, signature } = parsed.data;
    const definitionHash = sha256Hex(canonicalJson(definition ?? null));
    const value: SignedPlan = { node: this.#deps.node, question: id, balancer, definitionHash };
    const isSigned = isSignedBy(this.#deps.trusted, "midstream.plan.v1", { value, signature });
    if (!isSigned) return refused("bad-signature");
    if (this.#running >= agentPlansMax) return refused("busy");
    return this.#planned({ balancer, definition, withinMs: deadlineMs });
  }

  stop(): Promise<void> {
    this.#ended.abort();
    return Promise.resolve();
  }

  async #planned(request: Omit<PlanRequest, "signal">): Promise<PlanAnswer> {
    this.#running += 1;
    try {
      const { signal } = this.#ended;
      return { code: "done", result: await this.#deps.plan({ ...request, signal }) };
    } catch (error) {
      this.#deps.log.error({ error: errorText(error) }, "a plan failed");
      return refused("failed");
    } finally {
      this.#running -= 1;
    }
  }
}

function refused(code: Exclude<PlanAnswer["code"], "done">): PlanAnswer {
  return { code, result: null };
}
