/** How much a cache may hold. */
export interface CacheBounds<V> {
  readonly weightMax: number;
  /** 1 for each value unless given. */
  readonly weightOf?: (value: V) => number;
}

/**
 * Values by key, each made once however many ask for it at the same time. When they weigh too much,
 * those not used for the longest time go. A making that fails, or finds nothing, is not remembered.
 */
export class OnceCache<V> {
  readonly #bounds: CacheBounds<V>;
  readonly #values = new Map<string, { readonly value: V; readonly weight: number }>();
  readonly #making = new Map<string, Promise<V | undefined>>();
  #weight = 0;

  constructor(bounds: CacheBounds<V>) {
    this.#bounds = bounds;
  }

  /** The value when it is there; it counts as used. */
  get(key: string): V | undefined {
    const found = this.#values.get(key);
    if (found === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, found);
    return found.value;
  }

  /** A value that alone weighs more than everything may is not kept. */
  set(key: string, value: V): void {
    this.#remove(key);
    const weight = this.#bounds.weightOf?.(value) ?? 1;
    if (weight > this.#bounds.weightMax) return;
    this.#values.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#values.keys()) {
      if (this.#weight <= this.#bounds.weightMax) return;
      this.#remove(oldest);
    }
  }

  /** The value of the key, made when it is not there; rejects as the making does. */
  getOrMake(key: string, make: () => Promise<V>): Promise<V>;
  getOrMake(key: string, make: () => Promise<V | undefined>): Promise<V | undefined>;
  getOrMake(key: string, make: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const underway = this.#making.get(key);
    if (underway !== undefined) return underway;
    const making = this.#make(key, make);
    this.#making.set(key, making);
    return making;
  }

  async #make(key: string, make: () => Promise<V | undefined>): Promise<V | undefined> {
    try {
      const value = await make();
      if (value !== undefined) this.set(key, value);
      return value;
    } finally {
      this.#making.delete(key);
    }
  }

  #remove(key: string): void {
    const found = this.#values.get(key);
    if (found === undefined) return;
    this.#values.delete(key);
    this.#weight -= found.weight;
  }
}
