import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { readPolicyFile } from "../../../node-agent/apply/policy-file.ts";
import { hostDisk } from "../../../node-agent/runtime/disk.ts";

describe("policy file", () => {
  test("a missing file is the default policy, unless somebody named it", async () => {
    const path = join(await folder(), "policy.json");
    expect(await readPolicyFile(hostDisk(), path, { required: false })).toMatchObject({
      ok: true,
      found: false,
    });
    expect(await readPolicyFile(hostDisk(), path, { required: true })).toMatchObject({
      ok: false,
      problems: [{ code: "unreadable" }],
    });
  });

  test("a file that others may change is read, and says so", async () => {
    const path = join(await folder(), "policy.json");
    await writeFile(path, JSON.stringify({ bind: { ports: ["9000"] } }));
    await chmod(path, 0o644);
    expect(await readPolicyFile(hostDisk(), path, { required: true })).toMatchObject({
      ok: true,
      found: true,
      writableByOthers: false,
    });
    await chmod(path, 0o666);
    expect(await readPolicyFile(hostDisk(), path, { required: true })).toMatchObject({
      ok: true,
      writableByOthers: true,
    });
  });

  test("what is not JSON, or no policy, is refused", async () => {
    const path = join(await folder(), "policy.json");
    await writeFile(path, "{");
    expect(await readPolicyFile(hostDisk(), path, { required: false })).toMatchObject({
      ok: false,
    });
    await writeFile(path, '{"bind":{"ports":[443]}}');
    expect(await readPolicyFile(hostDisk(), path, { required: false })).toMatchObject({
      ok: false,
      problems: [{ pointer: "/bind/ports/0", code: "invalid-type" }],
    });
  });
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "midstream-policy-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}
