import {
  balancersPerGroupMax,
  certificatesPerTenantMax,
  snapshotBytesMax,
} from "#shared/base/limits.ts";
import type { Checked, Problem } from "#shared/base/problem.ts";
import { certificateEntryKind } from "#shared/definition/certificate-body.ts";
import { manifestOf, rootOf, type ManifestEntry } from "#shared/snapshot/manifest.ts";

import type { GroupKey } from "./group-key.ts";
import type { BuiltSnapshot } from "./published.ts";

/** A group as one statement read it. */
export interface GroupRows {
  readonly epoch: number;
  readonly rev: number;
  readonly balancers: readonly EntryRow[];
  /** Those that the balancers name, and no other. */
  readonly certificates: readonly EntryRow[];
}

export interface EntryRow {
  readonly id: string;
  /** Null when there is no such thing. */
  readonly hash: string | null;
  /** Size of the body; null when no body of this hash is stored. */
  readonly bodyBytes: number | null;
}

/**
 * The version of a group, from its rows.
 *
 * INVARIANT: all or nothing. Rows that do not make a complete snapshot make none, and what was
 * published before stays: an empty or shortened snapshot would take traffic down.
 */
export function buildSnapshot(key: GroupKey, rows: GroupRows): Checked<BuiltSnapshot> {
  const problems = problemsOf(rows);
  if (problems.length > 0) return { ok: false, problems };
  const manifest = manifestOf([
    ...entriesOf("balancer", rows.balancers),
    ...entriesOf(certificateEntryKind, rows.certificates),
  ]);
  const { epoch, rev } = rows;
  const bodyBytes = new Map(
    [...rows.balancers, ...rows.certificates].map((row) => [row.hash ?? "", row.bodyBytes ?? 0]),
  );
  return {
    ok: true,
    value: { key, version: { epoch, rev, root: rootOf(manifest) }, manifest, bodyBytes },
  };
}

function entriesOf(kind: string, rows: readonly EntryRow[]): readonly ManifestEntry[] {
  return rows.map(({ id, hash }) => ({ kind, id, hash: hash ?? "" }));
}

/** Certificates have room of their own, so that a renewal never makes a group too large. */
function problemsOf(rows: GroupRows): readonly Problem[] {
  const bytes = rows.balancers.reduce((sum, row) => sum + (row.bodyBytes ?? 0), 0);
  const ids = new Set(rows.balancers.map((row) => row.id));
  return [
    ...rows.balancers.flatMap((row, index) => rowProblems(row, `/balancers/${index}`)),
    ...rows.certificates.flatMap((row, index) => rowProblems(row, `/certificates/${index}`)),
    ...problemWhen(rows.epoch < 1, "/epoch", "the database has no epoch"),
    ...problemWhen(ids.size < rows.balancers.length, "/balancers", "an id comes twice"),
    ...problemWhen(
      rows.balancers.length > balancersPerGroupMax,
      "/balancers",
      `more than ${balancersPerGroupMax} balancers`,
    ),
    ...problemWhen(
      rows.certificates.length > certificatesPerTenantMax,
      "/certificates",
      `more than ${certificatesPerTenantMax} certificates`,
    ),
    ...problemWhen(bytes > snapshotBytesMax, "/balancers", `more than ${snapshotBytesMax} bytes`),
  ];
}

function rowProblems(row: EntryRow, pointer: string): readonly Problem[] {
  return [
    ...problemWhen(row.bodyBytes === null, pointer, `no body of ${row.id} with hash ${row.hash}`),
    ...problemWhen(
      !/^[0-9a-f]{64}$/.test(row.hash ?? ""),
      `${pointer}/hash`,
      `${row.id} has no hash`,
    ),
  ];
}

function problemWhen(wrong: boolean, pointer: string, detail: string): readonly Problem[] {
  return wrong ? [{ pointer, code: "inconsistent", detail }] : [];
}
