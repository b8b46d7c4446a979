import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { createAddressClaims } from "../../../node-agent/engine/address-claims.ts";
import type { Address } from "../../../node-agent/engine/engine.ts";
import { createPortableEngine } from "../../../node-agent/engine/portable/portable-engine.ts";
import { echo, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";

async function claimed(address: Address, platform: NodeJS.Platform = "linux") {
  const outcome = await createAddressClaims(platform).claim(address);
  if (outcome.ok) onTestFinished(() => outcome.claim.release());
  return outcome;
}

/** Listens as a worker does, so that only the claim can keep others out. */
async function listenShared(address: Address): Promise<void> {
  const engine = createPortableEngine({ clock: systemClock(), onEvents: () => undefined });
  onTestFinished(() => engine.stop());
  const outcome = await engine.listen(1, { address, reusePort: true, backlog: 16 });
  expect(outcome.ok).toBe(true);
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "midstream-claims-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("a claimed address is EADDRINUSE for the next, before anybody listens, until it is released", async () => {
  const address = { kind: "tcp", host: "127.0.0.1", port: await freePort() } as const;
  const first = await claimed(address);
  expect(first.ok).toBe(true);
  expect(await claimed(address)).toMatchObject({ ok: false, code: "EADDRINUSE" });

  if (first.ok) first.claim.release();

  expect((await claimed(address)).ok).toBe(true);
});

test("an address that another agent shares among its workers is EADDRINUSE", async () => {
  const address = { kind: "tcp", host: "127.0.0.1", port: await freePort() } as const;
  await claimed(address);
  await listenShared(address);
  expect(await claimed(address)).toMatchObject({ ok: false, code: "EADDRINUSE" });
});

test("a program that knows no claims is EADDRINUSE, also across wildcard and address", async () => {
  const backend = await startBackend(echo);
  for (const host of ["127.0.0.1", "::"]) {
    const address = { kind: "tcp", host, port: backend.port } as const;
    expect(await claimed(address)).toMatchObject({ ok: false, code: "EADDRINUSE" });
  }
  const port = await freePort();
  await listenShared({ kind: "tcp", host: "::", port });
  expect(await claimed({ kind: "tcp", host: "127.0.0.1", port })).toMatchObject({
    ok: false,
    code: "EADDRINUSE",
  });
});

test("a claim does not keep its owner's engines from listening", async () => {
  const address = { kind: "tcp", host: "127.0.0.1", port: await freePort() } as const;
  expect((await claimed(address)).ok).toBe(true);
  await listenShared(address);
});

test("a failed claim holds nothing", async () => {
  const backend = await startBackend(echo);
  const address = { kind: "tcp", host: "127.0.0.1", port: backend.port } as const;
  expect((await claimed(address)).ok).toBe(false);
  await backend.stop();
  expect((await claimed(address)).ok).toBe(true);
});

test("an address that the node does not have is EADDRNOTAVAIL", async () => {
  const address = { kind: "tcp", host: "192.0.2.1", port: await freePort() } as const;
  expect(await claimed(address)).toMatchObject({ ok: false, code: "EADDRNOTAVAIL" });
});

test("a Unix socket of a killed process is removed, one in use is EADDRINUSE, other files stay", async () => {
  const path = await folder();
  const stale = join(path, "stale.sock");
  const script = `require("net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, "SIGKILL"))`;
  expect(() => execFileSync(process.execPath, ["-e", script])).toThrow();
  expect(existsSync(stale)).toBe(true);
  expect((await claimed({ kind: "unix", path: stale })).ok).toBe(true);

  const used = join(path, "used.sock");
  await startBackend(echo, { path: used });
  expect(await claimed({ kind: "unix", path: used })).toMatchObject({ code: "EADDRINUSE" });

  const file = join(path, "notes.txt");
  await writeFile(file, "precious");
  expect(await claimed({ kind: "unix", path: file })).toMatchObject({ code: "EADDRINUSE" });
  expect(readFileSync(file, "utf8")).toBe("precious");
});

test("a path that is too long for a claim's name is claimed all the same", async () => {
  const path = join(await folder(), `${"x".repeat(100 - (await folder()).length)}.sock`);
  expect((await claimed({ kind: "unix", path })).ok).toBe(true);
  expect(await claimed({ kind: "unix", path })).toMatchObject({ code: "EADDRINUSE" });
});

test("where there are no abstract sockets the trial bind still finds a listener", async () => {
  const backend = await startBackend(echo);
  const address = { kind: "tcp", host: "127.0.0.1", port: backend.port } as const;
  expect(await claimed(address, "darwin")).toMatchObject({ ok: false, code: "EADDRINUSE" });
  const free = { ...address, port: await freePort() };
  expect((await claimed(free, "darwin")).ok).toBe(true);
});
