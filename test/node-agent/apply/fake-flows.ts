import { parseBind } from "#shared/definition/bind.ts";
import { clashes, type SpokenBind } from "#shared/validation/bind-clash.ts";

import type {
  FlowOutcome,
  FlowProblem,
  Flows,
  VerifiedBalancer,
} from "../../../node-agent/apply/flows.ts";

/**
 * A data plane that only keeps books: addresses are taken and freed, a taken one gives EADDRINUSE.
 * `hold` stops calls until they are let go, `foreign` are addresses of another process.
 */
export class FakeFlows implements Flows {
  readonly calls: string[] = [];
  readonly serving = new Map<string, VerifiedBalancer>();
  readonly foreign = new Set<string>();
  /** Thrown by the next call for this balancer. */
  readonly defects = new Map<string, Error>();
  /** Says of a step whether it fails without a reason of its own; asked for every step. */
  fails: (what: "start" | "update" | "remove", id: string) => boolean = () => false;
  /** Connections that a removal of this balancer drains. */
  readonly draining = new Map<string, number>();
  #gate: PromiseWithResolvers<void> | undefined;
  readonly #inCall = new Set<string>();

  /** Calls from now on wait. */
  hold(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  /** Lets the waiting calls go on. */
  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  obstacles({ definition }: VerifiedBalancer): Promise<readonly FlowProblem[]> {
    const own = [...this.serving.values()].flatMap(spokenBinds);
    const foreign = this.#foreignBinds();
    const problems = definition.bind.flatMap((text, index) => {
      const bind = { bind: parseBind(text), protocol: definition.protocol };
      const isOurs = own.some((it) => clashes(bind, it));
      return isOurs || !foreign.some((it) => clashes(bind, it)) ? [] : [inUse(text, index)];
    });
    return Promise.resolve(problems);
  }

  start(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    return this.#call("start", balancer.id, () => {
      if (this.serving.has(balancer.id)) throw new Error(`${balancer.id} runs already`);
      return this.fails("start", balancer.id) ? broken : this.#taken(balancer);
    });
  }

  update(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    return this.#call("update", balancer.id, () => {
      if (!this.serving.has(balancer.id)) throw new Error(`${balancer.id} does not run`);
      return this.fails("update", balancer.id) ? broken : this.#taken(balancer);
    });
  }

  remove(id: string, drainTimeoutMs: number): Promise<FlowOutcome> {
    return this.#call(`remove ${drainTimeoutMs}`, id, () => {
      if (this.fails("remove", id)) return broken;
      this.serving.delete(id);
      return { ok: true, connections: { kept: 0, drained: this.draining.get(id) ?? 0, cut: 0 } };
    });
  }

  async #call(what: string, id: string, run: () => FlowOutcome): Promise<FlowOutcome> {
    if (this.#inCall.has(id)) throw new Error(`two calls for ${id} overlap`);
    this.#inCall.add(id);
    this.calls.push(`${what} ${id}`);
    try {
      await this.#gate?.promise;
      const defect = this.defects.get(id);
      this.defects.delete(id);
      if (defect !== undefined) throw defect;
      return run();
    } finally {
      this.#inCall.delete(id);
    }
  }

  #taken(balancer: VerifiedBalancer): FlowOutcome {
    const others = [...this.serving.values()].filter(({ id }) => id !== balancer.id);
    const taken = [...others.flatMap(spokenBinds), ...this.#foreignBinds()];
    const index = spokenBinds(balancer).findIndex((one) => taken.some((it) => clashes(one, it)));
    if (index >= 0) {
      return { ok: false, problems: [inUse(balancer.definition.bind[index] ?? "", index)] };
    }
    this.serving.set(balancer.id, balancer);
    return { ok: true, connections: { kept: 0, drained: 0, cut: 0 } };
  }

  #foreignBinds(): readonly SpokenBind[] {
    return [...this.foreign].map((text) => ({ bind: parseBind(text), protocol: "tcp" }));
  }
}

/** What a step without a reason of its own fails with. */
export const brokenCode = "broken";

const broken: FlowOutcome = {
  ok: false,
  problems: [{ pointer: "", code: brokenCode, detail: "fails now and then" }],
};

function inUse(text: string, index: number): FlowProblem {
  return { pointer: `/bind/${index}`, code: "EADDRINUSE", detail: `${text} is in use` };
}

function spokenBinds({ definition }: VerifiedBalancer): readonly SpokenBind[] {
  const { bind, protocol } = definition;
  return bind.map((text) => ({ bind: parseBind(text), protocol }));
}
