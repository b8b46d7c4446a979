import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";

import type { GoneBalancer, RunningBalancer } from "./running-balancer.ts";
import type { BalancerKey } from "./worker-protocol.ts";

/** Which balancers a data plane has: those that serve, by id, and all with something open, by number. */
export class BalancerBook {
  readonly #clock: Clock;
  readonly #open = new Map<BalancerKey, RunningBalancer>();
  readonly #serving = new Map<string, RunningBalancer>();
  readonly #whenEmpty: (() => void)[] = [];
  #lastKey = 0;
  #cutOfGone = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** All that have something open, those that drain included. */
  get open(): readonly RunningBalancer[] {
    return [...this.#open.values()];
  }

  /** Those that serve, by their id. */
  get serving(): ReadonlyMap<string, RunningBalancer> {
    return this.#serving;
  }

  /** Connections that drains of all had to cut so far, also of those whose last one has not closed yet. */
  get cut(): number {
    return this.open.reduce((sum, { cutInTheEnd }) => sum + cutInTheEnd, this.#cutOfGone);
  }

  byKey(key: BalancerKey): RunningBalancer | undefined {
    return this.#open.get(key);
  }

  /**
   * The balancer that serves under this id. Whoever applies definitions knows what runs.
   *
   * @throws Fault `flow/out-of-order` when none does, which is a defect of the caller
   */
  known(id: string): RunningBalancer {
    const balancer = this.#serving.get(id);
    if (balancer === undefined) throw notInOrder(id, "does not run");
    return balancer;
  }

  /** @throws Fault `flow/out-of-order` when one serves under this id, which is a defect of the caller */
  mustBeNew(id: string): void {
    if (this.#serving.has(id)) throw notInOrder(id, "runs already");
  }

  /** Enters a balancer that is about to start, under a number that none had before. */
  enter(make: (key: BalancerKey) => RunningBalancer): RunningBalancer {
    this.#lastKey += 1;
    const balancer = make(this.#lastKey);
    this.#open.set(this.#lastKey, balancer);
    return balancer;
  }

  serves(balancer: RunningBalancer): void {
    this.#serving.set(balancer.id, balancer);
  }

  /** It drains from now on. */
  retire(id: string): void {
    this.#serving.delete(id);
  }

  /** All of them drain from now on. */
  retireAll(): void {
    this.#serving.clear();
  }

  /** Nothing of it is open any more. */
  strike({ key, cut }: GoneBalancer): void {
    this.#open.delete(key);
    this.#cutOfGone += cut;
    if (this.#open.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Resolves when nothing is open any more, or when the time is up. */
  async empty(withinMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    const empty = Promise.withResolvers<undefined>();
    this.#whenEmpty.push(() => empty.resolve(undefined));
    const timer = this.#clock.after(withinMs, () => empty.resolve(undefined));
    await empty.promise.finally(() => timer.stop());
  }
}

function notInOrder(id: string, why: string): Fault {
  return new Fault({
    code: "flow/out-of-order",
    owner: "platform",
    message: `the balancer ${id} ${why}`,
  });
}
