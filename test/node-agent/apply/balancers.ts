import type { Balancer } from "#shared/definition/balancer.ts";
import { entryOf, type SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { VerifiedBalancer } from "../../../node-agent/apply/flows.ts";

/** A definition in its stored form; `over` changes what the test is about. */
export function definitionOf(name: string, over: Readonly<Record<string, unknown>> = {}): Balancer {
  const checked = checkBalancer({
    name,
    bind: ["127.0.0.1:9000"],
    discovery: { kind: "static", backends: [{ host: "127.0.0.1", port: 8001 }] },
    ...over,
  });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

/** A balancer as apply hands it on. Equal definitions have equal hashes. */
export function verifiedOf(
  id: string,
  over: Readonly<Record<string, unknown>> = {},
): VerifiedBalancer {
  const definition = definitionOf(id.replaceAll("_", "-"), over);
  const { hash } = entryOf("balancer", id, definition);
  return { id, hash, definition, secrets: new Map() };
}

/** An entry of a snapshot. */
export function entryFor(id: string, over: Readonly<Record<string, unknown>> = {}): SnapshotEntry {
  return entryOf("balancer", id, definitionOf(id.replaceAll("_", "-"), over));
}
