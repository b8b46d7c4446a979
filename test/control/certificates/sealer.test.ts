import { randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import { masterKeyOf } from "../../../control/certificates/master-key.ts";
import { createSealer } from "../../../control/certificates/sealer.ts";

const sealer = createSealer(masterKeyOf(randomBytes(32), "test"));

test("what was sealed opens in its place, and shows nothing of itself", async () => {
  const sealed = await sealer.seal("s3cret – ü", "secret ten_1 sec_1");
  expect(sealed).not.toContain("s3cret");
  expect(sealed.startsWith(`v1.${sealer.keyId}.`)).toBe(true);
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
  const other = createSealer(masterKeyOf(randomBytes(32), "other"));
  const sealed = await other.seal("s3cret", "here");
  await expect(sealer.open(sealed, "here")).rejects.toMatchObject({
    code: "certificates/cannot-open",
    message: expect.stringContaining(other.keyId) as string,
  });
});
