import { Fault } from "#shared/base/fault.ts";
import { differenceOf } from "#shared/snapshot/difference.ts";
import { signedValueOf } from "#shared/snapshot/snapshot.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";

import { readGroup } from "../storage/queries/node-groups.ts";
import type { Bodies } from "./bodies.ts";
import { buildSnapshot } from "./build-snapshot.ts";
import { checkRemovals } from "./check-removals.ts";
import { bodyOf } from "./check-snapshot.ts";
import type { GroupKey } from "./group-key.ts";
import type { BuiltSnapshot, Published } from "./published.ts";
import type { PublisherDeps } from "./publisher-deps.ts";

/**
 * What a group's nodes shall run as of now: read, built, every new body checked, signed. Undefined
 * when the group does not exist. Gives `previous` back when nothing newer is there.
 *
 * @throws Fault `publish/inconsistent`, `publish/unexplained-removal` and what storage throws;
 *   nothing may be published then
 */
export async function publishGroup(
  deps: Pick<PublisherDeps, "database" | "signer"> & { readonly bodies: Bodies },
  key: GroupKey,
  previous: Published | undefined,
): Promise<Published | undefined> {
  const built = await deps.database.asTenant(key.tenantId, async (tx) => {
    const rows = await readGroup(tx, key);
    if (rows === undefined) return undefined;
    const outcome = buildSnapshot(key, rows);
    if (!outcome.ok) throw inconsistent(outcome.problems.map(({ detail }) => detail));
    await checkRemovals(tx, outcome.value, previous);
    const fresh = differenceOf(previous?.manifest ?? [], outcome.value.manifest).changed;
    const hashes = fresh.map(({ hash }) => hash);
    const bodies = await deps.bodies.load(tx, key.tenantId, hashes);
    for (const entry of fresh) bodyOf(entry, bodies);
    return outcome.value;
  });
  if (built === undefined) return undefined;
  if (previous !== undefined && !isNewer(built.version, previous.version)) return previous;
  return signed(deps, built);
}

async function signed(
  deps: Pick<PublisherDeps, "signer">,
  built: BuiltSnapshot,
): Promise<Published> {
  const { key, version } = built;
  const identity = { tenant: key.tenantId, group: key.groupId, version };
  const signature = await deps.signer.sign("midstream.snapshot.v1", signedValueOf(identity));
  return { ...built, signature };
}

/**
 * INVARIANT: what is desired never goes back within an epoch, whatever a late read says.
 *
 * @throws Fault `publish/inconsistent` when one revision has two contents
 */
function isNewer(next: Version, current: Version): boolean {
  if (next.epoch !== current.epoch) return next.epoch > current.epoch;
  if (next.rev === current.rev && !sameVersion(next, current)) {
    throw inconsistent([`revision ${next.rev} has two contents`]);
  }
  return next.rev > current.rev;
}

function inconsistent(details: readonly string[]): Fault {
  const shown = details.slice(0, 3).join("; ");
  const message = `the group's rows make no snapshot: ${shown}`;
  return new Fault({ code: "publish/inconsistent", owner: "platform", message });
}
