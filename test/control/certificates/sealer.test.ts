import { randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import {
  localKeyKeeper,
  sealBytes,
  type KeyKeeper,
} from "../../../control/certificates/key-keeper.ts";
import { masterKeyOf } from "../../../control/certificates/master-key.ts";
import { createSealer } from "../../../control/certificates/sealer.ts";

const sealer = createSealer(localKeyKeeper(masterKeyOf(randomBytes(32), "test")));

test("what was sealed opens in its place, and shows nothing of itself", async () => {
  const sealed = await sealer.seal("s3cret – ü", "secret ten_1 sec_1");
  expect(sealed).not.toContain("s3cret");
  expect(sealed.startsWith(`v2.${sealer.keyId}.`)).toBe(true);
  expect(await sealer.open(sealed, "secret ten_1 sec_1")).toBe("s3cret – ü");
});

test("the same text sealed twice looks different", async () => {
  expect(await sealer.seal("x", "here")).not.toBe(await sealer.seal("x", "here"));
});

test("a row that was moved, changed or cut does not open", async () => {
  const sealed = await sealer.seal("s3cret", "secret ten_1 sec_1");
  const changed = `${sealed.slice(0, -2)}${sealed.endsWith("A") ? "BB" : "AA"}`;
  const refused = { code: "certificates/cannot-open" };
  await expect(sealer.open(sealed, "secret ten_2 sec_1")).rejects.toMatchObject(refused);
  await expect(sealer.open(changed, "secret ten_1 sec_1")).rejects.toMatchObject(refused);
  await expect(sealer.open(sealed.slice(0, 40), "secret ten_1 sec_1")).rejects.toMatchObject(
    refused,
  );
  await expect(sealer.open("", "secret ten_1 sec_1")).rejects.toMatchObject(refused);
});

test("under another key it does not open, and the text says which key it was", async () => {
  const other = createSealer(localKeyKeeper(masterKeyOf(randomBytes(32), "other")));
  const sealed = await other.seal("s3cret", "here");
  await expect(sealer.open(sealed, "here")).rejects.toMatchObject({
    code: "certificates/cannot-open",
    message: expect.stringContaining(other.keyId) as string,
  });
});

test("what was sealed before there were data keys still opens", async () => {
  const master = masterKeyOf(randomBytes(32), "test");
  const keeper = localKeyKeeper(master);
  const box = sealBytes(master.key, Buffer.from("s3cret"), "here");
  const [nonce, rest] = [box.subarray(0, 12), box.subarray(12)];
  const old = `v1.${master.keyId}.${nonce.toString("base64url")}.${rest.toString("base64url")}`;
  expect(await createSealer(keeper).open(old, "here")).toBe("s3cret");
  await expect(createSealer(keeper).open(old, "there")).rejects.toMatchObject({
    code: "certificates/cannot-open",
  });
});

test("the keeper of the master key sees keys only, each text another; it may be far away", async () => {
  const local = localKeyKeeper(masterKeyOf(randomBytes(32), "test"));
  const seen: Buffer[] = [];
  const far: KeyKeeper = {
    ...local,
    wrap: async (key, context) => {
      seen.push(Buffer.from(key));
      await new Promise((resolve) => setImmediate(resolve));
      return local.wrap(key, context);
    },
  };
  const remote = createSealer(far);
  const sealed = [await remote.seal("s3cret", "here"), await remote.seal("s3cret", "here")];
  expect(seen.map((key) => key.length)).toEqual([32, 32]);
  expect(seen[0]?.equals(seen[1] ?? Buffer.alloc(0))).toBe(false);
  for (const text of sealed) expect(await remote.open(text, "here")).toBe("s3cret");
});
