import { linksPerTurnMax } from "#shared/base/limits.ts";

/** A round through many links that is under way. */
interface Round<T> {
  readonly rest: Iterator<T>;
  readonly visit: (item: T) => void;
}

/**
 * Visits many links without holding the event loop: so many in a turn, then others may do
 * something. Several rounds take turns, so that a small group does not wait for a big one. A new
 * round of the same name replaces the one that is under way: newest wins.
 */
export class FanOut<T> {
  readonly #rounds = new Map<string, Round<T>>();
  #planned = false;

  start(name: string, items: Iterable<T>, visit: (item: T) => void): void {
    this.#rounds.delete(name);
    this.#rounds.set(name, { rest: items[Symbol.iterator](), visit });
    this.#plan();
  }

  /** Forgets all rounds. */
  stop(): void {
    this.#rounds.clear();
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#turn();
    });
  }

  #turn(): void {
    for (const [name, round] of this.#rounds) {
      this.#rounds.delete(name);
      if (visitSome(round)) this.#rounds.set(name, round);
      break;
    }
    if (this.#rounds.size > 0) this.#plan();
  }
}

/** Whether the round goes on. */
function visitSome<T>({ rest, visit }: Round<T>): boolean {
  for (let count = 0; count < linksPerTurnMax; count += 1) {
    const next = rest.next();
    if (next.done === true) return false;
    visit(next.value);
  }
  return true;
}
