import { parseBind } from "#shared/definition/bind.ts";
import { clashes, type SpokenBind } from "#shared/validation/bind-clash.ts";

import type { FlowOutcome, Flows, VerifiedBalancer } from "../../../node-agent/apply/flows.ts";

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

  start(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    return this.#call("start", balancer.id, () => this.#taken(balancer));
  }

  update(balancer: VerifiedBalancer): Promise<FlowOutcome> {
    return this.#call("update", balancer.id, () => this.#taken(balancer));
  }

  remove(id: string, drainTimeoutMs: number): Promise<FlowOutcome> {
    return this.#call(`remove ${drainTimeoutMs}`, id, () => {
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
    const taken = [
      ...others.flatMap(spokenBinds),
      ...[...this.foreign].map((text) => ({ bind: parseBind(text), protocol: "tcp" as const })),
    ];
    const index = spokenBinds(balancer).findIndex((one) => taken.some((it) => clashes(one, it)));
    if (index >= 0) {
      const detail = `${balancer.definition.bind[index]} is in use`;
      const problem = { pointer: `/bind/${index}`, code: "EADDRINUSE", detail };
      return { ok: false, problems: [problem] };
    }
    this.serving.set(balancer.id, balancer);
    return { ok: true, connections: { kept: 0, drained: 0, cut: 0 } };
  }
}

function spokenBinds({ definition }: VerifiedBalancer): readonly SpokenBind[] {
  const { bind, protocol } = definition;
  return bind.map((text) => ({ bind: parseBind(text), protocol }));
}
