import type { BalancerId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

/** A balancer as it is stored; secrets are references. */
export interface BalancerRecord {
  readonly id: BalancerId;
  readonly definition: Balancer;
  /** With `hash`, what an ETag is made of: `"<rev>-<hash8>"`. */
  readonly rev: number;
  /** SHA-256 of the canonical definition. */
  readonly hash: string;
  readonly revCreated: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What the caller believes to change (`If-Match`); `hash` may be a beginning of at least 8 digits. */
export type Expected = { readonly rev: number; readonly hash: string } | "any";

/** It is another by now. */
export interface Stale {
  readonly kind: "stale";
  readonly rev: number;
  readonly hash: string;
}
