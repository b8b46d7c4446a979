import { electionAnswersKept } from "#shared/base/limits.ts";

import { nobody } from "./strategy.ts";

/** With fewer backends the answer is found as fast anew. */
const keptFrom = 32;

/**
 * Answers for clients that come back, by their whole hash: the last two of those whose hashes end
 * alike. Good as long as the backends are the same.
 */
export class KeptWinners {
  readonly #hashes: Uint32Array;
  readonly #places: Int16Array;

  constructor(backends: number) {
    const size = backends < keptFrom ? 2 : electionAnswersKept;
    this.#hashes = new Uint32Array(size);
    this.#places = new Int16Array(size).fill(nobody);
  }

  /** The place of the client's backend; undefined when it is not kept. */
  find(hash: number): number | undefined {
    const index = this.#indexOf(hash);
    return this.#at(index, hash) ?? this.#at(index + 1, hash);
  }

  /** Keeps and returns it. */
  keep(hash: number, place: number): number {
    const index = this.#indexOf(hash);
    this.#hashes[index + 1] = this.#hashes[index] ?? 0;
    this.#places[index + 1] = this.#places[index] ?? nobody;
    this.#hashes[index] = hash;
    this.#places[index] = place;
    return place;
  }

  #at(index: number, hash: number): number | undefined {
    const place = this.#places[index] ?? nobody;
    return this.#hashes[index] === hash && place !== nobody ? place : undefined;
  }

  #indexOf(hash: number): number {
    return (hash << 1) & (this.#hashes.length - 2);
  }
}
