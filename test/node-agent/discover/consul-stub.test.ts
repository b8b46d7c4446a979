import { describe, expect, test } from "vitest";

import { lookAgainMs } from "#shared/base/limits.ts";

import { createSource } from "../../../node-agent/discover/create-source.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { page, startPages, type Answer } from "../../support/page-server.ts";
import { otherTestCertificate, testCertificate } from "../../support/test-certificates.ts";
import { definedSource, fetchOnce, sourceDeps, sourceOf, targetsOf } from "./source-under-test.ts";

type Json = Readonly<Record<string, unknown>>;

function instance(service: Json, fields: Json = {}): Json {
  return {
    Node: { Address: "10.0.0.100" },
    Service: {
      Address: "10.0.0.1",
      Port: 80,
      Tags: [],
      Weights: { Passing: 1, Warning: 1 },
      ...service,
    },
    Checks: [{ Status: "passing" }],
    ...fields,
  };
}

const consul = (host: string, terms: Json = {}): Json => ({
  kind: "consul",
  host,
  serviceName: "web",
  ...terms,
});

const listing = (instances: readonly unknown[]): Answer => page(JSON.stringify(instances));

describe("consul discovery against an API of our own", () => {
  test("F-CSL-01 name, tag, passing only and datacenter are asked for", async () => {
    const pages = await startPages(listing([]));
    const host = `127.0.0.1:${pages.port}`;
    await fetchOnce(consul(host));
    await fetchOnce(
      consul(host, {
        serviceName: "a b",
        serviceTag: "v2",
        servicePassingOnly: true,
        datacenter: "eu",
      }),
    );
    const [plain, full] = pages.requests.map(({ url = "" }) => new URL(url, pages.origin));
    expect(plain?.href.replace(pages.origin, "")).toBe("/v1/health/service/web?");
    expect(full?.pathname).toBe("/v1/health/service/a%20b");
    expect(Object.fromEntries(full?.searchParams ?? [])).toEqual({
      passing: "1",
      tag: "v2",
      dc: "eu",
    });
  });

  test("F-CSL-02 the service's address is used, else its node's", async () => {
    const list = [
      instance({}),
      instance({ Address: "" }),
      instance({ Address: "fd00::1", Port: 81 }),
    ];
    const { port } = await startPages(listing(list));
    expect(targetsOf(await fetchOnce(consul(`127.0.0.1:${port}`)))).toEqual([
      "10.0.0.1:80",
      "10.0.0.100:80",
      "[fd00::1]:81",
    ]);
  });

  test("F-CSL-03 X-CSL-07 tags give sni, weight, priority and limit; Consul's weights count without them", async () => {
    const Weights = { Passing: 5, Warning: 2 };
    const Tags = ["sni=a.test", "weight=7", "priority=3", "max_connections=9", "v2"];
    const warning = { Checks: [{ Status: "passing" }, { Status: "warning" }] };
    const list = [
      instance({ Tags, Weights }),
      instance({ Weights }),
      instance({ Weights }, warning),
    ];
    const { port } = await startPages(listing(list));
    expect(await fetchOnce(consul(`127.0.0.1:${port}`))).toMatchObject({
      backends: [
        { sni: "a.test", weight: 7, priority: 3, maxConnections: 9 },
        { sni: "", weight: 5, priority: 1, maxConnections: 0 },
        { weight: 2 },
      ],
    });
  });

  test("F-CSL-04 token and basic credentials are sent, and never told", async () => {
    const pages = await startPages(page("hush", 403));
    const terms = { aclToken: "hush", auth: { username: "u", password: "hush" } };
    const answer = await fetchOnce(consul(`127.0.0.1:${pages.port}`, terms));
    expect(pages.requests[0]?.headers).toMatchObject({
      "x-consul-token": "hush",
      authorization: `Basic ${Buffer.from("u:hush").toString("base64")}`,
    });
    expect(answer).toMatchObject({ ok: false, code: "bad-status" });
    expect(JSON.stringify(answer)).not.toContain("hush");
  });

  test("F-CSL-05 https with the client's pair and an authority", async () => {
    const { port } = await startPages(listing([instance({})]), {
      tls: { ...testCertificate, clientAuthority: otherTestCertificate.cert },
    });
    const rootCa = { pem: testCertificate.cert };
    const pem = { certificate: otherTestCertificate.cert, key: otherTestCertificate.key };
    const tls = { rootCa, clientCertificate: { pem } };
    const host = `127.0.0.1:${port}`;
    expect(targetsOf(await fetchOnce(consul(host, { tls })))).toEqual(["10.0.0.1:80"]);
    for (const bad of [{ rootCa }, { clientCertificate: { pem } }]) {
      expect((await fetchOnce(consul(host, { tls: bad }))).ok).toBe(false);
    }
  });

  test("instances that are none are skipped and told, the others kept", async () => {
    const list = [instance({}), { Service: "hush" }, instance({ Port: 0 }), null];
    const { port } = await startPages(listing(list));
    const answer = await fetchOnce(consul(`127.0.0.1:${port}`));
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80"]);
    expect(answer).toMatchObject({ skipped: { count: 3 } });
    expect(JSON.stringify(answer)).not.toContain("hush");
  });

  test("a Consul that answers blocking questions at once is not asked without end", async () => {
    const pages = await startPages((_, response) => {
      response.writeHead(200, { "x-consul-index": "7" }).end("[]");
    });
    const clock = new FakeClock();
    const definition = definedSource(consul(`127.0.0.1:${pages.port}`));
    const { watch } = createSource({ ...sourceDeps, clock, transport: "tcp" }, definition);
    const abort = new AbortController();
    let heard = 0;
    const end = watch?.(() => (heard += 1), abort.signal);
    await eventually(() => heard === 1);
    await settled();
    expect(pages.requests.length).toBe(1);
    await clock.advanceSettled(lookAgainMs);
    await eventually(() => pages.requests.length === 2);
    abort.abort();
    await end;
    expect(heard).toBe(1);
  });

  test("an index that goes back, or is none, starts the watch anew and loses nothing", async () => {
    const indexes = ["10", "5", "x"];
    const asked: (string | null)[] = [];
    const pages = await startPages((request, response) => {
      asked.push(new URL(request.url ?? "", "http://consul").searchParams.get("index"));
      const index = indexes[Math.min(asked.length, indexes.length) - 1] ?? "x";
      response.writeHead(200, { "x-consul-index": index }).end("[]");
    });
    const { watch } = sourceOf(consul(`127.0.0.1:${pages.port}`));
    const heard: string[] = [];
    const end = await watch?.((what) => heard.push(what), new AbortController().signal);
    expect(asked).toEqual([null, "10", null]);
    expect(heard).toEqual(["standing", "changed"]);
    expect(end).toMatchObject({ code: "bad-answer" });
  });
});
