import { describe, expect, onTestFinished, test, type TestContext } from "vitest";

import { startDns, type DnsServer } from "../../support/dns-server.ts";
import { fetchOnce, targetsOf } from "./source-under-test.ts";
import { srv } from "./srv-lookup.ts";

async function knot(context: TestContext, zone: string): Promise<DnsServer> {
  const search = await startDns(onTestFinished, zone);
  if (search.kind === "none") return context.skip(search.why);
  return search.dns;
}

describe("srv discovery from a real name server", () => {
  test("F-SRV-01 F-SRV-07 priority, weight, port and address come from the record, sni from its target", async (context) => {
    const dns = await knot(
      context,
      `_web._tcp SRV 10 5 8080 a
_web._tcp SRV 20 0 8081 b
a A 10.0.0.1
b A 10.0.0.2`,
    );
    const answer = await fetchOnce(srv(dns.address));
    expect(sorted(answer)).toEqual([
      {
        host: "10.0.0.1",
        port: 8080,
        priority: 10,
        weight: 5,
        maxConnections: 0,
        sni: "a.example",
      },
      {
        host: "10.0.0.2",
        port: 8081,
        priority: 20,
        weight: 0,
        maxConnections: 0,
        sni: "b.example",
      },
    ]);
  });

  test("F-SRV-03 addresses that did not come with the answer are asked for, both families", async (context) => {
    // The target lies outside the part of the zone that knot adds addresses for: behind an alias.
    const dns = await knot(
      context,
      `_web._tcp SRV 1 1 80 alias
alias CNAME real
real A 10.0.0.1
real AAAA fd00::1`,
    );
    expect(targetsOf(await fetchOnce(srv(dns.address))).toSorted()).toEqual([
      "10.0.0.1:80",
      "[fd00::1]:80",
    ]);
  });

  test("F-SRV-04 a target without an address is skipped and told, the others are kept", async (context) => {
    const dns = await knot(
      context,
      "_web._tcp SRV 1 1 80 gone\n_web._tcp SRV 1 1 80 a\na A 10.0.0.1",
    );
    const answer = await fetchOnce(srv(dns.address));
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80"]);
    expect(answer).toMatchObject({
      skipped: { count: 1, detail: "the target gone.example has no address" },
    });
  });

  test("the whole fetch goes over TCP when that is set", async (context) => {
    const dns = await knot(context, "_web._tcp SRV 1 1 80 a\na A 10.0.0.1");
    const answer = await fetchOnce(srv(dns.address, { dnsProtocol: "tcp" }));
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80"]);
  });

  test("F-SRV-06 X-SRV-09 all addresses of many targets: EDNS0 to 4096 bytes, then TCP", async (context) => {
    const recordsOf = (count: number): string =>
      Array.from(
        { length: count },
        (_, index) => `_web._tcp SRV 1 1 80 host-${index}\nhost-${index} A 10.0.1.${index}`,
      ).join("\n");
    const dns = await knot(context, recordsOf(40));
    expect(targetsOf(await fetchOnce(srv(dns.address))).length).toBe(40);
    await dns.serve(recordsOf(200));
    const answer = await fetchOnce(srv(dns.address));
    expect(new Set(targetsOf(answer)).size).toBe(200);
    expect(answer).not.toHaveProperty("skipped");
  });

  test("X-SRV-09 every address of a target is used", async (context) => {
    const dns = await knot(
      context,
      "_web._tcp SRV 1 1 80 a\na A 10.0.0.1\na A 10.0.0.2\na AAAA fd00::1",
    );
    expect(targetsOf(await fetchOnce(srv(dns.address))).toSorted()).toEqual([
      "10.0.0.1:80",
      "10.0.0.2:80",
      "[fd00::1]:80",
    ]);
  });

  test("X-SRV-09 the TTL decides when to ask again where that is set", async (context) => {
    const dns = await knot(context, "_web._tcp 30 SRV 1 1 80 a\na 20 A 10.0.0.1");
    expect(await fetchOnce(srv(dns.address))).not.toHaveProperty("againMs");
    expect(await fetchOnce(srv(dns.address, { followTtl: true }))).toMatchObject({
      againMs: 20_000,
    });
    await dns.serve("_web._tcp 0 SRV 1 1 80 a\na 0 A 10.0.0.1");
    expect(await fetchOnce(srv(dns.address, { followTtl: true }))).toMatchObject({
      againMs: 1_000,
    });
  });

  test("X-SRV-08 a name that does not exist is a failure, or no backends where that is set; REFUSED is a failure", async (context) => {
    const dns = await knot(context, "a A 10.0.0.1");
    expect(await fetchOnce(srv(dns.address))).toMatchObject({ ok: false, code: "dns-nxdomain" });
    expect(await fetchOnce(srv(dns.address, { nxdomain: "empty" }))).toEqual({
      ok: true,
      backends: [],
    });
    const foreign = {
      ...srv(dns.address, { nxdomain: "empty" }),
      lookupPattern: "_web._tcp.other.",
    };
    expect(await fetchOnce(foreign)).toMatchObject({ ok: false, code: "dns-refused" });
  });

  test("X-SRV-08 a target whose zone cannot be served fails the fetch; one that does not exist is left out", async (context) => {
    const dns = await knot(
      context,
      `_web._tcp SRV 1 1 80 a
_web._tcp SRV 1 1 80 host.unserved.
a A 10.0.0.1`,
    );
    expect(await fetchOnce(srv(dns.address))).toMatchObject({
      ok: false,
      code: "dns-servfail",
      detail: `${dns.address} answers SERVFAIL for host.unserved`,
    });
    await dns.serve("_web._tcp SRV 1 1 80 a\n_web._tcp SRV 1 1 80 gone\na A 10.0.0.1");
    expect(targetsOf(await fetchOnce(srv(dns.address)))).toEqual(["10.0.0.1:80"]);
    await dns.serve("_web._tcp SRV 1 1 80 gone");
    expect(await fetchOnce(srv(dns.address))).toMatchObject({
      ok: false,
      code: "unusable",
      detail: expect.stringContaining("the target gone.example has no address"),
    });
  });
});

function sorted(fetched: Awaited<ReturnType<typeof fetchOnce>>) {
  if (!fetched.ok) throw new Error(fetched.detail);
  return fetched.backends.toSorted((a, b) => a.port - b.port);
}
