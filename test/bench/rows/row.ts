import type { Backends } from "../backends/backends.ts";
import type { Seat } from "../contenders/seat.ts";
import type { LoadTools } from "../load/load-tools.ts";
import type { BenchOptions } from "../options.ts";
import type { Raw } from "../raw.ts";

/** One number of a row. */
export interface Measure {
  readonly key: string;
  /** With its unit. */
  readonly title: string;
  /** Compared with the best peer by a ratio; shown alone; or trouble, shown when there is any. */
  readonly use: "compared" | "shown" | "trouble";
  readonly better: "lower" | "higher";
}

/** The numbers of one measurement, by the keys of the row's measures. */
export type Sample = Readonly<Record<string, number>>;

/** What a row has to work with. */
export interface RowContext {
  readonly options: BenchOptions;
  readonly backends: Backends;
  readonly tools: LoadTools;
  readonly raw: Raw;
  /** All that take part; a row may have to look at them before it measures. */
  readonly seats: readonly Seat[];
}

/** Measures one contender once, for so many seconds. */
export type Take = (seat: Seat, seconds: number) => Promise<Sample>;

/** A row of the table: the same load on every contender. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** The telling one first. */
  readonly measures: readonly Measure[];
  /** True when a contender is started afresh for each measurement; then nobody is warmed up. */
  readonly fresh: boolean;
  readonly suits: (seat: Seat) => boolean;
  /** Before the first round; a text says why the row cannot be measured on this host. */
  readonly prepare: (context: RowContext) => Promise<Take | string>;
}
