import { describe, expect, test } from "vitest";

import { sourceAnswerBytesMax } from "#shared/base/limits.ts";

import { sourceContract } from "../../contracts/discovery/source-contract.ts";
import { page, startPages } from "../../support/page-server.ts";
import { testCertificate } from "../../support/test-certificates.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

sourceContract({
  name: "json",
  emptyAnswer: "fail",
  create: async (backends) => {
    const rows = backends.map(({ maxConnections, ...row }) => ({
      ...row,
      max_connections: maxConnections,
    }));
    const { origin } = await startPages(page(JSON.stringify(rows)));
    return sourceOf({ kind: "json", endpoint: origin }).fetch;
  },
});

async function fetched(value: unknown, terms: Readonly<Record<string, unknown>> = {}) {
  const { origin } = await startPages(
    page(typeof value === "string" ? value : JSON.stringify(value)),
  );
  return fetchOnce({ kind: "json", endpoint: `${origin}/list`, ...terms });
}

describe("json discovery", () => {
  test("F-JSN-01 an array of objects with the documented fields becomes backends", async () => {
    const full = { host: "a.test", port: 80, weight: 2, priority: 3, sni: "s", max_connections: 4 };
    expect(await fetched([full])).toEqual({
      ok: true,
      backends: [{ host: "a.test", port: 80, weight: 2, priority: 3, sni: "s", maxConnections: 4 }],
    });
  });

  test("F-JSN-02 fields are found by nested paths, array positions and quoted keys", async () => {
    const element = { net: { addrs: ["10.0.0.1", "10.0.0.2"] }, "port.http": { n: 81 }, w: [[7]] };
    const patterns = {
      hostPattern: "net.addrs.[1]",
      portPattern: '"port.http".n',
      weightPattern: "w[0][0]",
    };
    expect(await fetched([element], patterns)).toMatchObject({
      backends: [{ host: "10.0.0.2", port: 81, weight: 7 }],
    });
  });

  test("F-JSN-03 a port may be a number or a text", async () => {
    const list = [
      { host: "a", port: 80 },
      { host: "b", port: "81" },
    ];
    expect(targetsOf(await fetched(list))).toEqual(["a:80", "b:81"]);
  });

  test("F-JSN-04 optional fields that are missing or of another type take their defaults", async () => {
    const defaults = { weight: 1, priority: 1, maxConnections: 0, sni: "" };
    const odd = { weight: "2", priority: null, sni: 5, max_connections: [] };
    const list = [
      { host: "a", port: 80 },
      { host: "b", port: 80, ...odd },
      { host: "c", port: 80, weight: -5, priority: 1.5 },
    ];
    expect(await fetched(list)).toMatchObject({
      ok: true,
      backends: [
        { host: "a", ...defaults },
        { host: "b", ...defaults },
        { host: "c", ...defaults },
      ],
    });
  });

  test.each([
    ["no host", { port: 80 }],
    ["a host that is no text", { host: 5, port: 80 }],
    ["no port", { host: "b" }],
    ["a port that is neither number nor text", { host: "b", port: true }],
  ])("F-JSN-05 an element with %s fails the whole fetch", async (_, bad) => {
    expect(await fetched([{ host: "a", port: 80 }, bad])).toMatchObject({
      ok: false,
      code: "bad-answer",
      detail: "the element 1 has no host, or no port",
    });
  });

  test("an element whose host or port leads nowhere is skipped, and told", async () => {
    const list = [
      { host: "a", port: 80 },
      { host: "not a host", port: 80 },
      { host: "b", port: 70_000 },
      { host: "[::1]", port: 80 },
    ];
    const answer = await fetched(list);
    expect(targetsOf(answer)).toEqual(["a:80", "[::1]:80"]);
    expect(answer).toMatchObject({ skipped: { count: 2 } });
  });

  test.each([
    ["an object", { nodes: [] }],
    ["a number", 5],
    ["no JSON", "<html>password</html>"],
  ])("F-JSN-06 %s instead of an array is a failure", async (_, value) => {
    const answer = await fetched(value);
    expect(answer).toMatchObject({ ok: false, code: "bad-answer" });
    expect(JSON.stringify(answer)).not.toContain("password");
  });

  test("X-JSN-07 a path leads to the array inside an object, and the request carries headers and credentials", async () => {
    const pages = await startPages(
      page(JSON.stringify({ a: [{ list: [{ host: "b", port: 1 }] }] })),
    );
    const answer = await fetchOnce({
      kind: "json",
      endpoint: `${pages.origin}/x?y=1`,
      itemsPattern: "a[0].list",
      headers: [{ name: "X-Key", value: "hush" }],
      auth: { username: "u", password: "p" },
    });
    expect(targetsOf(answer)).toEqual(["b:1"]);
    await fetchOnce({ kind: "json", endpoint: pages.origin, bearerToken: "token" });
    expect(pages.requests[0]?.url).toBe("/x?y=1");
    expect(pages.requests[0]?.headers).toMatchObject({
      "x-key": "hush",
      authorization: `Basic ${Buffer.from("u:p").toString("base64")}`,
    });
    expect(pages.requests[1]?.headers.authorization).toBe("Bearer token");
  });

  test("what is too big is a failure, and never held", async () => {
    const { origin } = await startPages((_, response) => {
      const chunk = Buffer.alloc(1024 * 1024, " ");
      let sent = 0;
      const more = (): void => {
        sent += chunk.length;
        if (sent > sourceAnswerBytesMax * 4) response.end();
        else response.write(chunk, more);
      };
      more();
    });
    expect(await fetchOnce({ kind: "json", endpoint: origin })).toMatchObject({ code: "too-big" });
  });

  test("of very many elements as many are looked at as can be used", async () => {
    const list = Array.from({ length: 100_000 }, (_, index) => ({ host: `h${index}`, port: 80 }));
    const answer = await fetched(list);
    expect(targetsOf(answer).length).toBe(1_000);
    expect(answer).toMatchObject({ skipped: { count: 1 } });
  });

  test("https is checked against the authority that is given", async () => {
    const answer = page(JSON.stringify([{ host: "a", port: 1 }]));
    const { origin } = await startPages(answer, { tls: testCertificate });
    const known = { rootCa: { pem: testCertificate.cert } };
    expect(targetsOf(await fetchOnce({ kind: "json", endpoint: origin, tls: known }))).toEqual([
      "a:1",
    ]);
    expect(await fetchOnce({ kind: "json", endpoint: origin })).toMatchObject({ code: "tls" });
  });
});
