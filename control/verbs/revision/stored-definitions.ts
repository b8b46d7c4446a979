import type { TenantId } from "#shared/base/ids.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import type { Transaction } from "../../storage/database.ts";
import { readBodies } from "../../storage/queries/node-groups.ts";

/** Definitions by the hash of their body. */
export async function storedDefinitions(
  tx: Transaction,
  tenantId: TenantId,
  hashes: Iterable<string | null>,
): Promise<ReadonlyMap<string, Balancer>> {
  const wanted = new Set([...hashes].filter((hash) => hash !== null));
  const bodies = wanted.size === 0 ? [] : await readBodies(tx, tenantId, [...wanted]);
  return new Map([...bodies].map(([hash, body]) => [hash, definitionOf(body)]));
}

/** Guarantee: bodies are written from checked definitions only, and never changed. */
function definitionOf(body: string): Balancer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return JSON.parse(body) as Balancer;
}
