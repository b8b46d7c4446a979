import type { Seat } from "./contenders/seat.ts";
import { oneLine } from "./one-line.ts";
import type { Row, RowContext, Sample, Take } from "./rows/row.ts";

/** What came of a row: a sample of each round, by contender. */
export interface RowResult {
  readonly row: Pick<Row, "name" | "title" | "measures">;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
}

export interface RowOutcome {
  /** Undefined: nobody could be measured. */
  readonly result: RowResult | undefined;
  /** Who or what was left out, and why. */
  readonly notes: readonly string[];
}

const warmUpSeconds = 1;

/**
 * Measures everybody in turn, A B C A B C, so that what changes on the host meets all alike. A
 * contender that fails is left out of the row, as its rounds would no longer be the others'.
 */
export async function runRow(context: RowContext, row: Row): Promise<RowOutcome> {
  const take = await row.prepare(context);
  if (typeof take === "string") return { result: undefined, notes: [`${row.title}: ${take}`] };
  const { rounds, seconds } = context.options;
  const lanes = context.seats.filter(row.suits).map((seat) => new Lane(row, take, seat));
  if (!row.fresh) for (const lane of lanes) await lane.warmUp(warmUpSeconds);
  for (let round = 1; round <= rounds; round += 1) {
    for (const lane of lanes) {
      const sample = await lane.measure(seconds);
      context.raw.sample({ row: row.name, round, contender: lane.name, ...sample });
    }
  }
  const whole = lanes.filter(({ failure }) => failure === undefined);
  const samples = new Map(whole.map((lane) => [lane.name, lane.samples]));
  const notes = lanes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  return { result: samples.size > 0 ? { row, samples } : undefined, notes };
}

/** One contender in one row. */
class Lane {
  readonly #row: Row;
  readonly #take: Take;
  readonly #seat: Seat;
  readonly samples: Sample[] = [];
  /** Why it is left out. */
  failure: string | undefined;

  constructor(row: Row, take: Take, seat: Seat) {
    this.#row = row;
    this.#take = take;
    this.#seat = seat;
  }

  get name(): string {
    return this.#seat.contender.name;
  }

  async warmUp(seconds: number): Promise<void> {
    await this.#tried(() => this.#take(this.#seat, seconds));
  }

  /** Takes a sample, unless it has failed before; undefined when it fails now. */
  async measure(seconds: number): Promise<Sample | undefined> {
    const sample = await this.#tried(async () => {
      if (this.#row.fresh) await this.#seat.startAfresh();
      return this.#take(this.#seat, seconds);
    });
    if (sample !== undefined) this.samples.push(sample);
    return sample;
  }

  async #tried(act: () => Promise<Sample>): Promise<Sample | undefined> {
    if (this.failure !== undefined) return undefined;
    try {
      return await act();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.failure = `${this.#row.title}: ${this.#seat.contender.title} failed: ${oneLine(why)}`;
      return undefined;
    }
  }
}
