import { randomBytes } from "node:crypto";

import { expect, onTestFinished, test } from "vitest";

import { newId } from "#shared/base/ids.ts";
import { newKeyPair, privateKeyOf } from "#shared/snapshot/keys.ts";
import { openSealed, sealedSignedValue } from "#shared/snapshot/sealed.ts";
import { isSignedBy } from "#shared/snapshot/signature.ts";

import { localKeyKeeper } from "../../../control/certificates/key-keeper.ts";
import { checkMasterKey } from "../../../control/certificates/master-key-check.ts";
import { masterKeyOf } from "../../../control/certificates/master-key.ts";
import { sealForNode } from "../../../control/certificates/node-sealing.ts";
import { createSealer } from "../../../control/certificates/sealer.ts";
import { secretContext } from "../../../control/certificates/secret-context.ts";
import { loadSigning } from "../../../control/certificates/signing.ts";
import { insertSecrets } from "../../../control/storage/queries/secrets.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";
import { newTenantId } from "../../support/tenants.ts";

const master = localKeyKeeper(masterKeyOf(randomBytes(32), "/data/master-key"));
const sealer = createSealer(master);
const otherMaster = localKeyKeeper(masterKeyOf(randomBytes(32), "/data/other-key"));

async function freshDatabase(): Promise<TestDatabase> {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  return db;
}

test("a database opens under the key it was made with, and under no other", async () => {
  const { database } = await freshDatabase();
  await checkMasterKey(database, sealer, master);
  await checkMasterKey(database, sealer, master);
  const other = checkMasterKey(database, createSealer(otherMaster), otherMaster);
  await expect(other).rejects.toMatchObject({
    code: "certificates/other-master-key",
    message: expect.stringContaining("/data/other-key") as string,
  });
});

test("instances that start together sign with one key, which lies sealed", async () => {
  const { database, sql } = await freshDatabase();
  const all = await Promise.all(Array.from({ length: 8 }, () => loadSigning(database, sealer)));
  expect(new Set(all.map(({ signer }) => signer.keyId)).size).toBe(1);
  const rows = await sql`SELECT * FROM signing_keys`;
  expect(rows).toHaveLength(1);
  expect(rows[0]?.["sealed_private_key"]).toMatch(/^v2\./);

  const { signer, trusted, publicKeys } = await loadSigning(database, sealer);
  expect(publicKeys).toEqual([signer.publicKey]);
  const value = { what: "ever" };
  const signature = await signer.sign("midstream.snapshot.v1", value);
  expect(isSignedBy(trusted, "midstream.snapshot.v1", { value, signature })).toBe(true);
  expect(isSignedBy(trusted, "midstream.sealed.v1", { value, signature })).toBe(false);
});

test("the newest key signs, older ones stay trusted until they are retired", async () => {
  const { database, sql } = await freshDatabase();
  const { signer: old } = await loadSigning(database, sealer);
  await sql`UPDATE signing_keys SET retired_at = now()`;
  const { signer: next } = await loadSigning(database, sealer);
  await sql`UPDATE signing_keys SET retired_at = NULL`;
  const { signer, publicKeys } = await loadSigning(database, sealer);
  expect(signer.keyId).toBe(next.keyId);
  expect(publicKeys).toEqual([next.publicKey, old.publicKey]);
});

test("a secret is sealed for one node and signed; nobody else opens it", async () => {
  const { database } = await freshDatabase();
  const { signer, trusted } = await loadSigning(database, sealer);
  const tenantId = newTenantId();
  const source = { nowMs: Date.now, randomBytes };
  const id = newId("sec", source);
  const nodeId = newId("nod", source);
  const receiving = newKeyPair("x25519");
  const stored = { id, sealed: await sealer.seal("token", secretContext(tenantId, id)) };
  await database.asTenant(tenantId, (tx) => insertSecrets(tx, tenantId, [stored]));

  const recipient = { tenantId, nodeId, receivingKey: receiving.publicKey };
  const secrets = await sealForNode({ database, sealer, signer }, recipient, [id]);
  const box = secrets[id];
  if (box === undefined) throw new Error("nothing was sealed");
  const target = { node: nodeId, secret: id };
  const signed = { value: sealedSignedValue(target, box), signature: box.signature };
  expect(isSignedBy(trusted, "midstream.sealed.v1", signed)).toBe(true);
  const own = { privateKey: privateKeyOf(receiving.privateKey), publicKey: receiving.publicKey };
  expect(openSealed(own, target, box)).toBe("token");
  expect(openSealed(own, { ...target, node: newId("nod", source) }, box)).toBeUndefined();
});

test("a secret that is not there, or is another tenant's, is never left out silently", async () => {
  const { database } = await freshDatabase();
  const { signer } = await loadSigning(database, sealer);
  const [owner, stranger] = [newTenantId(), newTenantId()];
  const source = { nowMs: Date.now, randomBytes };
  const id = newId("sec", source);
  const stored = { id, sealed: await sealer.seal("token", secretContext(owner, id)) };
  await database.asTenant(owner, (tx) => insertSecrets(tx, owner, [stored]));
  const recipient = {
    tenantId: stranger,
    nodeId: newId("nod", source),
    receivingKey: newKeyPair("x25519").publicKey,
  };
  await expect(sealForNode({ database, sealer, signer }, recipient, [id])).rejects.toMatchObject({
    code: "certificates/secret-missing",
  });
});
