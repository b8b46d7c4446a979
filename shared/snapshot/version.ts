import { z } from "zod";

/**
 * What a node runs, or shall run: `rev` orders, `root` proves, `epoch` names the database's lineage
 * (raised after a restore, so that a lower `rev` can be right).
 */
export interface Version {
  readonly epoch: number;
  readonly rev: number;
  /** Root hash of the manifest, see `rootOf`. */
  readonly root: string;
}

export const versionSchema: z.ZodType<Version> = z.object({
  epoch: z.int().min(1),
  rev: z.int().min(0),
  root: z.string().regex(/^[0-9a-f]{64}$/),
});

/** How an offered version relates to the one that runs. */
export type VersionOrder = "same" | "newer" | "older" | "conflict" | "older-epoch";

/**
 * Decides what an offered version means to a node that runs `running`:
 * `newer` is applied, `older` ignored, `conflict` (equal rev, other root) asks for the whole
 * snapshot, `older-epoch` is refused and reported.
 */
export function orderOf(running: Version | undefined, offered: Version): VersionOrder {
  if (running === undefined || offered.epoch > running.epoch) return "newer";
  if (offered.epoch < running.epoch) return "older-epoch";
  if (offered.rev !== running.rev) return offered.rev > running.rev ? "newer" : "older";
  return offered.root === running.root ? "same" : "conflict";
}

/** Whether two versions are the same one; undefined is equal to undefined only. */
export function sameVersion(a: Version | undefined, b: Version | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.epoch === b.epoch && a.rev === b.rev && a.root === b.root;
}
