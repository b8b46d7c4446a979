import { sql } from "drizzle-orm";

import type { NodeId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { storableJson } from "./node-json.ts";
import { rowsOf } from "./rows.ts";

/** Reports of one boot of a node, from `first` to `last` without a gap. */
export interface ReportsWrite {
  /** Names it among those of one statement. */
  readonly n: number;
  readonly node: NodeId;
  readonly boot: string;
  readonly first: number;
  readonly last: number;
  readonly dropped: number;
  readonly atMs: number;
}

/** What happened on a balancer or backend of a node around a moment. */
export interface ReportRowWrite {
  /** The report it belongs to. */
  readonly n: number;
  readonly balancer: string;
  readonly backend: string;
  readonly atMs: number;
  readonly connections: number;
  readonly refused: number;
  readonly rejected: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly activeConnections: number;
  readonly live: number;
  /** 1: the node tells of it for the last time. */
  readonly gone: number;
}

/** The last report of a boot that is counted. */
export interface ReportMark {
  readonly n: number;
  readonly seq: number;
}

/**
 * Counts reports of whatever tenants' nodes, each exactly once, and gives what is counted of each
 * boot then: below `first` or between, the write was not taken (system).
 */
export function ingestReports(
  tx: Transaction,
  reports: readonly ReportsWrite[],
  rows: readonly ReportRowWrite[],
): Promise<readonly ReportMark[]> {
  return rowsOf<ReportMark>(
    tx,
    sql`
    SELECT n, seq::float8 AS seq
    FROM system.ingest_reports(${storableJson(reports)}::jsonb, ${storableJson(rows)}::jsonb)`,
  );
}
