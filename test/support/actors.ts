import { randomBytes } from "node:crypto";

import { systemClock } from "#shared/base/clock.ts";
import { newId, type NodeId } from "#shared/base/ids.ts";

import { localKeyKeeper } from "../../control/certificates/key-keeper.ts";
import { masterKeyOf } from "../../control/certificates/master-key.ts";
import { createSealer } from "../../control/certificates/sealer.ts";
import { insertAccount } from "../../control/storage/queries/accounts.ts";
import type { Actor, VerbDeps } from "../../control/verbs/actor.ts";
import { scopes } from "../../control/verbs/scopes.ts";
import { newSecretText } from "../../control/verbs/secret-text.ts";
import { createPasswords } from "../../control/verbs/tenant/password.ts";
import type { TestDatabase } from "./postgres.ts";

/** Where ids come from in tests. */
const testIds = { nowMs: Date.now, randomBytes };

/** What verbs work with, on a test's database, under a master key of its own. */
export function verbDeps(db: Pick<TestDatabase, "database">): VerbDeps {
  return {
    database: db.database,
    sealer: createSealer(localKeyKeeper(masterKeyOf(randomBytes(32), "test"))),
    clock: systemClock(),
    ids: testIds,
    passwords: createPasswords(),
    doorbell: true,
  };
}

/** A tenant of one's own with a key that may do everything; without the work of a real sign-up. */
export async function newActor(db: Pick<TestDatabase, "database">): Promise<Actor> {
  const tenantId = newId("ten", testIds);
  const keyId = newId("key", testIds);
  await db.database.asSystem((tx) =>
    insertAccount(tx, {
      tenantId,
      tenantName: "Test",
      userId: newId("usr", testIds),
      email: `${tenantId}@example.com`,
      passwordHash: "nobody logs in with this",
      groupId: newId("grp", testIds),
      keyId,
      keyHash: newSecretText("msk", testIds).hash,
      scopes,
      requestId: "req_test",
      address: "127.0.0.1",
    }),
  );
  return {
    tenantId,
    keyId,
    scopes: new Set(scopes),
    requestId: "req_test",
    address: "127.0.0.1",
  };
}

/** A node in the actor's default group, put there without joining. */
export async function insertNode(
  db: Pick<TestDatabase, "sql">,
  actor: Actor,
  capabilities: readonly string[],
): Promise<NodeId> {
  const id = newId("nod", testIds);
  await db.sql`
    INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent, capabilities)
      SELECT ${actor.tenantId}, ${id}, g.id, 'host', 'key', 'key', 'test', ${[...capabilities]}
        FROM groups g WHERE g.tenant_id = ${actor.tenantId} AND g.name = 'default'`;
  return id;
}
