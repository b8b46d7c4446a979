import { writeFile } from "node:fs/promises";

import { expect, onTestFinished, test } from "vitest";

import { certificateReloadMs } from "#shared/base/limits.ts";
import type { BalancerInput } from "#shared/definition/balancer.ts";

import { TicketKeys } from "../../../node-agent/certificates/ticket-keys.ts";
import type { Driver } from "../../../node-agent/engine/engine.ts";
import { BalancerTls } from "../../../node-agent/flow/balancer-tls.ts";
import type { DataPlaneEvent } from "../../../node-agent/flow/data-plane-event.ts";
import { createTestAuthority } from "../../support/certificate-authority.ts";
import { filesOf, terminating, type CertificateFiles } from "../../support/certificate-files.ts";
import { verified } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const authority = await createTestAuthority();

/** One balancer's TLS, with a clock of the test's own. */
function tlsUnderTest(driver: Driver = "native", hasServed = false) {
  const clock = new FakeClock(Date.now());
  const events: DataPlaneEvent[] = [];
  const ticketKeys = new TicketKeys({
    clock,
    randomBytes: (size) => new Uint8Array(size),
    onRotated: () => undefined,
  });
  let changes = 0;
  const tls = new BalancerTls({
    clock,
    balancer: "bal_a",
    driver,
    loading: { stored: undefined, usualAuthorities: () => "" },
    storedCertificates: undefined,
    ticketKeys,
    servedBefore: { has: () => hasServed },
    tell: (event) => events.push(event),
    onChanged: () => (changes += 1),
  });
  onTestFinished(() => tls.stop());
  return {
    tls,
    clock,
    events,
    changes: () => changes,
    take: async (given: Partial<BalancerInput>) => {
      const loaded = await tls.load(verified({ bind: ["127.0.0.1:1"], ...given }).definition);
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      loaded.commit();
      return tls.terms()?.version;
    },
    /** Reads the files again, and again until it holds. */
    until: (holds: () => boolean) =>
      eventually(() => {
        clock.advance(certificateReloadMs);
        return holds();
      }),
  };
}

test("what is said to workers keeps its number through an edit of something else, and gets another with other TLS", async () => {
  const { take } = tlsUnderTest();
  const files = await filesOf(await authority.issue({ names: ["a.test"] }));
  const given = terminating([files]);
  const { tls } = given;

  const first = await take(given);
  expect(first).toBeDefined();
  expect(await take({ ...given, strategy: "leastconn" })).toBe(first);
  expect(await take({ ...given, limits: { maxConnections: 7 } })).toBe(first);

  const seen = [first];
  for (const other of [
    { ...given, tls: { ...tls, alpn: ["h2"] } },
    { ...given, tls: { ...tls, minVersion: "tls1.3" as const } },
    { ...given, tls: { ...tls, sessionTickets: true } },
    { ...given, backendTls: { ignoreVerify: true } },
    { ...given, backendTls: { ignoreVerify: true, serverName: "b.test" } },
    terminating([await filesOf(await authority.issue({ names: ["a.test"] }))]),
  ]) {
    const version = await take(other);
    expect(seen).not.toContain(version);
    expect(await take({ ...other, limits: { maxConnections: 7 } })).toBe(version);
    seen.push(version);
  }
});

test("a file that cannot be used any more is a problem in the status, told once, until it can again", async () => {
  const { tls, take, until, events, changes } = tlsUnderTest();
  const pair = await authority.issue({ names: ["a.test"] });
  const other = await authority.issue({ names: ["a.test"] });
  const files = await filesOf(pair);
  const version = await take(terminating([files]));
  const told = (kind: DataPlaneEvent["kind"]) => events.filter((event) => event.kind === kind);

  let failures = 0;
  for (const [path, text, detail] of [
    [files.keyPath, "half a key", "the key cannot be read"],
    [files.keyPath, other.key, "the key is not the certificate's"],
    [files.certPath, "half a certificate", "the certificate cannot be read"],
  ] as const) {
    await writeFile(path, text);
    failures += 1;
    await until(() => told("certificates.failed").length === failures);
    expect(tls.status().problems).toMatchObject([
      { pointer: "/tls/certificates/0", detail: expect.stringContaining(detail) },
    ]);
    expect(tls.terms()?.version).toBe(version);
  }
  expect(changes()).toBe(0);

  await writeFile(files.keyPath, pair.key);
  await writeFile(files.certPath, pair.cert);
  await until(() => told("certificates.recovered").length === 1);
  expect(tls.status().problems).toEqual([]);
  expect(tls.terms()?.version).toBe(version);
  expect(told("certificates.failed")).toHaveLength(failures);
});

test("the end of a certificate in use is in the status, and told when it is read, once", async () => {
  const { tls, clock, take, until, events } = tlsUnderTest();
  const issue = (days: number) => authority.issue({ names: ["a.test"], validDays: [-9, days] });
  const soon = await filesOf(await issue(6));
  const late = await filesOf(await issue(100));
  const given = terminating([late, soon]);
  await take(given);
  await take({ ...given, limits: { maxConnections: 7 } });
  const told = () => events.filter((event) => event.kind === "certificates.expiring");

  const [first, second] = tls.status().ends;
  expect([first?.pointer, second?.pointer]).toEqual(["/tls/certificates/0", "/tls/certificates/1"]);
  expect(told()).toMatchObject([
    { pointer: "/tls/certificates/1", detail: expect.stringContaining("less than 7 days") },
  ]);

  const anHour = await issue(1 / 24);
  await writeFile(soon.keyPath, anHour.key);
  await writeFile(soon.certPath, anHour.cert);
  await until(() => told().length === 2);
  clock.advance(60 * 60 * 1_000);
  await until(() => told().length === 3);
  expect(told()[2]).toMatchObject({ detail: expect.stringContaining("was valid until") });
  await take({ ...given, limits: { maxConnections: 8 } });
  expect(tls.status().problems).toEqual([]);
});

/** Chains that OpenSSL takes, and no client that looks at what it is shown. */
async function wrongChains() {
  const names = ["a.test"];
  const [middle, other] = await Promise.all([authority.below(), authority.below()]);
  const issued = await middle.issue({ names });
  const leaf = issued.cert.slice(0, issued.cert.indexOf("-----BEGIN", 1));
  return [
    ["not-yet-valid", await authority.issue({ names, validDays: [2, 9] })],
    ["expired", await authority.issue({ names, validDays: [-9, -2] })],
    ["broken-chain", { cert: leaf + other.cert, key: issued.key }],
    ["chain-order", { cert: leaf + authority.cert + middle.cert, key: issued.key }],
  ] as const;
}

test("a renewed file whose chain is not yet valid, over, broken or in another order leaves in place what there was, and is told", async () => {
  const { tls, take, until, events, changes } = tlsUnderTest();
  const files = await filesOf(await authority.issue({ names: ["a.test"] }));
  const given = terminating([files]);
  const version = await take(given);
  const failed = () => events.filter(({ kind }) => kind === "certificates.failed").length;

  for (const [count, [code, { cert, key }]] of (await wrongChains()).entries()) {
    await writeFile(files.keyPath, key);
    await writeFile(files.certPath, cert);
    const pointer = "/tls/certificates/0";
    await until(() => tls.status().problems[0]?.code === code);
    expect(tls.status().problems).toMatchObject([{ pointer, code }]);
    expect(failed()).toBeGreaterThan(count);
    expect(tls.terms()?.version).toBe(version);
    const edited = await tls.load(verified({ bind: ["127.0.0.1:1"], ...given }).definition);
    expect(edited).toMatchObject({ ok: false, problems: [{ pointer, code }] });
  }
  expect(changes()).toBe(0);
});

test("a balancer does not start with such files, unless it was served before: then they serve and are told", async () => {
  for (const [code, pair] of await wrongChains()) {
    const given = terminating([await filesOf(pair)]);
    const { definition } = verified({ bind: ["127.0.0.1:1"], ...given });
    expect(await tlsUnderTest().tls.load(definition)).toMatchObject({
      ok: false,
      problems: [{ pointer: "/tls/certificates/0", code }],
    });

    const back = tlsUnderTest("native", true);
    expect(await back.take(given)).toBeDefined();
    expect(back.tls.status().problems.map((one) => one.code)).toEqual(
      code === "expired" ? [] : [code],
    );
    expect(back.events).toContainEqual(
      expect.objectContaining({
        kind: code === "expired" ? "certificates.expiring" : "certificates.failed",
      }),
    );
  }
});

test("X-TLS-15 of two certificates for the same names the portable engine shows one beside others, and the status says which it does not", async () => {
  const [ec, rsa, other] = await Promise.all([
    authority.issue({ names: ["a.test"] }).then((one) => filesOf(one)),
    authority.issue({ names: ["a.test"], key: "rsa" }).then((one) => filesOf(one)),
    authority.issue({ names: ["b.test"] }).then((one) => filesOf(one)),
  ]);
  const problemsOf = async (driver: Driver, files: readonly CertificateFiles[]) => {
    const { tls, take } = tlsUnderTest(driver);
    await take(terminating(files));
    return tls.status().problems;
  };

  expect(await problemsOf("portable", [ec, other, rsa])).toMatchObject([
    { pointer: "/tls/certificates/2", code: "not-shown" },
  ]);
  expect(await problemsOf("native", [ec, other, rsa])).toEqual([]);
  expect(await problemsOf("portable", [ec, rsa])).toEqual([]);
  expect(await problemsOf("portable", [ec, other])).toEqual([]);
});
