import { z } from "zod";

import { reportRowsMax } from "../base/limits.ts";

/**
 * Monotonic counters of a row, in the order of a report's columns. A receiver keeps the columns it
 * knows, so columns may be added.
 */
export const counterColumns = [
  /** Connections that reached a backend. */
  "connections",
  /** Dials that failed. */
  "refused",
  /** Connections closed without a dial: limit reached, no backend, denied. */
  "rejected",
  /** Bytes from backends to clients. */
  "rxBytes",
  /** Bytes from clients to backends. */
  "txBytes",
] as const;
export type CounterColumn = (typeof counterColumns)[number];

/** Values as of the end of the interval, in the order of a report's gauge columns. */
export const gaugeColumns = [
  "activeConnections",
  "live",
  /** 1 in the last row of what has left: nobody names it, and its last connection is closed. */
  "gone",
] as const;
export type GaugeColumn = (typeof gaugeColumns)[number];

/** One balancer (`backend` empty) or one backend of it. */
export const reportRowSchema = z.object({
  balancer: z.string().min(1).max(64),
  /** `host:port`, or empty for the balancer as a whole. */
  backend: z.string().max(300),
  /** Increase within the interval, by counter column; never negative. */
  counters: z.array(z.int().min(0)).max(32),
  /** By gauge column. */
  gauges: z.array(z.number()).max(32),
});
export type ReportRow = z.output<typeof reportRowSchema>;

/**
 * What happened on a node between two moments: increases, not totals, so that adding reports up is
 * right across restarts. `(bootId, seq)` makes each count exactly once: seq starts at 1 for a boot
 * and grows by one; the control plane takes only the last one plus one.
 */
export const reportSchema = z.object({
  bootId: z.string().min(1).max(64),
  seq: z.int().min(1),
  fromMs: z.int().min(0),
  toMs: z.int().min(0),
  /** Rows that had to be dropped before this report, because too many waited. */
  dropped: z.int().min(0),
  counterColumns: z.array(z.string().max(40)).max(32),
  gaugeColumns: z.array(z.string().max(40)).max(32),
  rows: z.array(reportRowSchema).max(reportRowsMax),
});
export type Report = z.output<typeof reportSchema>;

/** Totals of one row by counter column, as they stand at some moment. */
export type CounterTotals = Readonly<Record<CounterColumn, number>>;

/** Gauges of one row that is there, by gauge column. */
export type GaugeValues = Readonly<Record<Exclude<GaugeColumn, "gone">, number>>;
