/**
 * Which of the balancers that are wanted this node has served: since the agent started, or before that
 * as far as it is known. Such a one comes back with whatever its files hold by now.
 */
export class ServedBefore {
  readonly #balancers = new Set<string>();

  has(balancer: string): boolean {
    return this.#balancers.has(balancer);
  }

  add(balancers: Iterable<string>): void {
    for (const balancer of balancers) this.#balancers.add(balancer);
  }

  /** Forgets all others. */
  keepOnly(balancers: ReadonlySet<string>): void {
    for (const balancer of this.#balancers) {
      if (!balancers.has(balancer)) this.#balancers.delete(balancer);
    }
  }
}
