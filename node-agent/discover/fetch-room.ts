/** Gives the place back; to be called once, when the fetch is over. */
export type Leave = () => void;

/** Where one balancer's fetches wait. */
export interface FetchLine {
  /** Resolves when there is a place, or with undefined when the signal aborted before. */
  enter(signal: AbortSignal): Promise<Leave | undefined>;
}

/** Room for what sources of this node's balancers are asked with. */
export interface FetchRooms {
  readonly fetches: FetchRoom;
  readonly commands: FetchRoom;
}

interface Waiting {
  readonly begin: () => void;
}

interface Line {
  running: number;
  readonly waiting: Set<Waiting>;
}

/**
 * Lets so many fetches of one node run at the same time. A place that comes free goes to the
 * balancer that holds the fewest of them, and among equals to the one whose last turn is longest ago:
 * who has many sources, or slow ones, waits for himself.
 */
export class FetchRoom {
  readonly #max: number;
  /** Lines in which somebody waits, in the order of their turns. */
  readonly #lines = new Set<Line>();
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** A line of its own for one balancer. */
  line(): FetchLine {
    const line: Line = { running: 0, waiting: new Set() };
    return { enter: (signal) => this.#enter(line, signal) };
  }

  #enter(line: Line, signal: AbortSignal): Promise<Leave | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    if (this.#running < this.#max) return Promise.resolve(this.#occupy(line));
    return new Promise((resolve) => {
      const waiting: Waiting = {
        begin: () => {
          signal.removeEventListener("abort", giveUp);
          resolve(this.#occupy(line));
        },
      };
      const giveUp = (): void => {
        this.#remove(line, waiting);
        resolve(undefined);
      };
      line.waiting.add(waiting);
      this.#lines.add(line);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #occupy(line: Line): Leave {
    this.#running += 1;
    line.running += 1;
    return () => {
      this.#running -= 1;
      line.running -= 1;
      this.#next();
    };
  }

  #next(): void {
    const [line] = [...this.#lines].toSorted((one, other) => one.running - other.running);
    const [waiting] = line?.waiting ?? [];
    if (line === undefined || waiting === undefined) return;
    this.#remove(line, waiting);
    // Behind all others, as its turn was now.
    if (this.#lines.delete(line)) this.#lines.add(line);
    waiting.begin();
  }

  #remove(line: Line, waiting: Waiting): void {
    line.waiting.delete(waiting);
    if (line.waiting.size === 0) this.#lines.delete(line);
  }
}
