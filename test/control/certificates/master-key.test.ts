import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { fileKeySource } from "../../../control/certificates/master-key.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "midstream-key-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("the first start makes the key, for its owner's eyes only; the next finds it", async () => {
  const path = join(folder(), "data", "master-key");
  const made = await fileKeySource(path).load();
  expect(made.key).toHaveLength(32);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
  const found = await fileKeySource(path).load();
  expect(Buffer.from(found.key).equals(Buffer.from(made.key))).toBe(true);
  expect(found.keyId).toBe(made.keyId);
});

test("twenty that start at once use one key", async () => {
  const path = join(folder(), "master-key");
  const keys = await Promise.all(Array.from({ length: 20 }, () => fileKeySource(path).load()));
  expect(new Set(keys.map((key) => key.keyId)).size).toBe(1);
});

test("a file that holds no key is refused with what to do", async () => {
  const path = join(folder(), "master-key");
  writeFileSync(path, "not a key\n");
  await expect(fileKeySource(path).load()).rejects.toMatchObject({
    code: "certificates/master-key-malformed",
    message: expect.stringContaining(path) as string,
  });
});

test("a file that cannot be read is refused with what to do", async () => {
  const path = join(folder(), "a-file");
  writeFileSync(path, "");
  chmodSync(path, 0o600);
  await expect(fileKeySource(join(path, "master-key")).load()).rejects.toMatchObject({
    code: "certificates/master-key-unreadable",
    message: expect.stringContaining("--master-key-file") as string,
  });
});
