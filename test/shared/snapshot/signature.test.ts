import { describe, expect, test } from "vitest";

import {
  keyIdOf,
  newKeyPair,
  privateKeyOf,
  publicKeyOf,
  rawPublicKey,
} from "#shared/snapshot/keys.ts";
import { rootOf, manifestOf } from "#shared/snapshot/manifest.ts";
import { openSealed, sealFor } from "#shared/snapshot/sealed.ts";
import { isSignedBy, signatureSchema } from "#shared/snapshot/signature.ts";
import { entryOf, refusalOf, signedValueOf, type Snapshot } from "#shared/snapshot/snapshot.ts";

import { testSigning } from "../../support/signing.ts";

describe("a signature", () => {
  const { signer, trusted } = testSigning();
  const value = { b: 1, a: "x" };

  test("is believed for the value, the purpose and the key it was made with, and for no other", async () => {
    const signature = await signer.sign("midstream.snapshot.v1", value);
    expect(signatureSchema.parse(signature)).toEqual(signature);
    const believed = (purpose: Parameters<typeof isSignedBy>[1], signed: unknown, keys = trusted) =>
      isSignedBy(keys, purpose, { value: signed, signature });
    expect(believed("midstream.snapshot.v1", { a: "x", b: 1 }), "key order is nothing").toBe(true);
    expect(believed("midstream.snapshot.v1", { ...value, b: 2 })).toBe(false);
    expect(believed("midstream.sealed.v1", value)).toBe(false);
    expect(believed("midstream.snapshot.v1", value, testSigning().trusted)).toBe(false);
    const [[keyId] = [""]] = [...trusted];
    const impostor = new Map([[keyId, newKeyPair("ed25519").publicKey]]);
    expect(believed("midstream.snapshot.v1", value, impostor), "another key of that name").toBe(
      false,
    );
  });

  test("that was changed is not believed", async () => {
    const signature = await signer.sign("midstream.snapshot.v1", value);
    const other = signature.value.startsWith("A") ? "B" : "A";
    const changed = { ...signature, value: `${other}${signature.value.slice(1)}` };
    expect(isSignedBy(trusted, "midstream.snapshot.v1", { value, signature: changed })).toBe(false);
  });
});

describe("keys", () => {
  test("survive their text form", () => {
    for (const use of ["ed25519", "x25519"] as const) {
      const pair = newKeyPair(use);
      expect(rawPublicKey(publicKeyOf(use, pair.publicKey))).toBe(pair.publicKey);
      expect(pair.publicKey).toMatch(/^[\w-]{43}$/);
      expect(privateKeyOf(pair.privateKey).asymmetricKeyType).toBe(use);
      expect(keyIdOf(pair.publicKey)).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  test("that are none are a fault without their text", () => {
    for (const make of [() => publicKeyOf("ed25519", "secret"), () => privateKeyOf("secret")]) {
      expect(make).toThrow(expect.objectContaining({ code: "snapshot/bad-key" }));
      expect(make).not.toThrow(/secret/);
    }
  });
});

describe("a sealed secret", () => {
  const pair = newKeyPair("x25519");
  const recipient = { privateKey: privateKeyOf(pair.privateKey), publicKey: pair.publicKey };
  const target = { node: "nod_1", secret: "sec_1" };

  test("opens with the recipient's key, for its node and its secret only", () => {
    const sealed = sealFor(pair.publicKey, target, "geheim ✓");
    expect(openSealed(recipient, target, sealed)).toBe("geheim ✓");
    expect(openSealed(recipient, { ...target, node: "nod_2" }, sealed)).toBeUndefined();
    expect(openSealed(recipient, { ...target, secret: "sec_2" }, sealed)).toBeUndefined();
    const other = newKeyPair("x25519");
    const stranger = { privateKey: privateKeyOf(other.privateKey), publicKey: other.publicKey };
    expect(openSealed(stranger, target, sealed)).toBeUndefined();
    expect(openSealed(recipient, target, { ...sealed, box: `${sealed.box}AAAA` })).toBeUndefined();
    expect(openSealed(recipient, target, { ephemeral: "", nonce: "", box: "" })).toBeUndefined();
  });

  test("is new every time", () => {
    const [one, two] = [sealFor(pair.publicKey, target, "x"), sealFor(pair.publicKey, target, "x")];
    expect(one.box).not.toBe(two.box);
    expect(one.ephemeral).not.toBe(two.ephemeral);
  });
});

describe("a snapshot is refused", () => {
  const { signer, trusted } = testSigning();
  const expected = { tenant: "ten_1", group: "grp_1", trusted };

  async function snapshot(): Promise<Snapshot> {
    const entries = [entryOf("balancer", "bal_1", { name: "web" })];
    const root = rootOf(manifestOf(entries));
    const identity = { tenant: "ten_1", group: "grp_1", version: { epoch: 1, rev: 3, root } };
    const signature = await signer.sign("midstream.snapshot.v1", signedValueOf(identity));
    return { ...identity, signature, entries, secrets: {} };
  }

  test("never when it is what it says", async () => {
    expect(refusalOf(await snapshot(), expected)).toBeUndefined();
  });

  test("when it is for somebody else, signed by nobody known, or changed anywhere", async () => {
    const good = await snapshot();
    const [entry] = good.entries;
    if (entry === undefined) throw new Error("no entry");
    expect(refusalOf({ ...good, group: "grp_2" }, expected)).toBe("wrong-recipient");
    expect(refusalOf(good, { ...expected, group: "grp_2" })).toBe("wrong-recipient");
    expect(refusalOf(good, { ...expected, trusted: new Map() })).toBe("bad-signature");
    const later = { ...good, version: { ...good.version, rev: 4 } };
    expect(refusalOf(later, expected)).toBe("bad-signature");
    const otherBody = { ...good, entries: [{ ...entry, body: { name: "evil" } }] };
    expect(refusalOf(otherBody, expected)).toBe("bad-hash");
    const otherEntry = { ...good, entries: [entryOf("balancer", "bal_1", { name: "evil" })] };
    expect(refusalOf(otherEntry, expected)).toBe("bad-root");
    expect(refusalOf({ ...good, entries: [] }, expected)).toBe("bad-root");
    expect(refusalOf({ ...good, entries: [entry, entry] }, expected)).toBe("bad-root");
  });
});
