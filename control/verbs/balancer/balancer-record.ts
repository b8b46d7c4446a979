import type { BalancerId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import type { BalancerRow } from "../../storage/queries/balancers.ts";
import { momentMs } from "../../storage/queries/moment.ts";

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

export function balancerRecordOf(row: BalancerRow): BalancerRecord {
  return {
    id: row.id,
    definition: row.definition,
    rev: row.revUpdated,
    hash: row.hash,
    revCreated: row.revCreated,
    createdAtMs: momentMs(row.createdAt),
    updatedAtMs: momentMs(row.updatedAt),
  };
}
