import { describe, expect, test } from "vitest";

import { sourceLinesAtOnceMax } from "#shared/base/limits.ts";

import { readLines, type ReadLine } from "../../../node-agent/discover/lines.ts";
import { sourceContract } from "../../contracts/discovery/source-contract.ts";
import { page, startPages } from "../../support/page-server.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

sourceContract({
  name: "plaintext",
  emptyAnswer: "fail",
  create: async (backends) => {
    const lines = backends.map(({ host, port }) => `${host}:${port}`);
    const { origin } = await startPages(page(lines.join("\n")));
    return sourceOf({ kind: "plaintext", endpoint: origin }).fetch;
  },
});

async function fetched(text: string, regexPattern?: string) {
  const { origin } = await startPages(page(text));
  return fetchOnce({
    kind: "plaintext",
    endpoint: origin,
    ...(regexPattern === undefined ? {} : { regexPattern }),
  });
}

describe("plaintext discovery", () => {
  test("F-PLT-01 each line is a backend in the usual grammar", async () => {
    const answer = await fetched(
      "10.0.0.1:80\n[::1]:81 weight=2 priority=3 max_connections=4 sni=a\r\n",
    );
    expect(answer).toEqual({
      ok: true,
      backends: [
        { host: "10.0.0.1", port: 80, weight: 1, priority: 1, maxConnections: 0, sni: "" },
        { host: "::1", port: 81, weight: 2, priority: 3, maxConnections: 4, sni: "a" },
      ],
    });
  });

  test("F-PLT-02 the named groups of an own pattern are read, other groups ignored", async () => {
    const pattern =
      "^(?P<sni>\\w+)\\|(\\w+)\\|(?P<other>\\w+)\\|(?P<host>[^|]+)\\|(?P<port>\\d+)\\|" +
      "(?P<weight>\\w*)\\|(?P<priority>\\d*)\\|(?P<max_connections>\\d*)$";
    const answer = await fetched(
      "a|x|y|10.0.0.1|80|5|6|7\nno match\nb|x|y|10.0.0.2|81|many||\n",
      pattern,
    );
    expect(answer).toEqual({
      ok: true,
      backends: [
        { host: "10.0.0.1", port: 80, weight: 5, priority: 6, maxConnections: 7, sni: "a" },
        { host: "10.0.0.2", port: 81, weight: 1, priority: 1, maxConnections: 0, sni: "b" },
      ],
      skipped: { count: 1, detail: "line 2: the pattern does not match" },
    });
  });

  test("F-PLT-03 blank lines mean nothing", async () => {
    const answer = await fetched("\n\n10.0.0.1:80\n \t\r\n\n10.0.0.2:80\n\n");
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(answer).not.toHaveProperty("skipped");
  });

  test("bad lines are skipped and told, the good ones kept", async () => {
    const answer = await fetched("10.0.0.1:80\nhello\n10.0.0.2:80 weight=heavy\n10.0.0.3:80\n");
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80", "10.0.0.3:80"]);
    expect(answer).toMatchObject({
      skipped: { count: 2, detail: expect.stringMatching(/^line 2: /) },
    });
  });

  test("a long text holds nobody up: other work gets its turn, and an abort ends the reading", async () => {
    const abort = new AbortController();
    let linesRead = 0;
    let linesAtTurn = 0;
    setImmediate(() => {
      linesAtTurn = linesRead;
      abort.abort();
    });
    const readSlowly: ReadLine = () => {
      linesRead += 1;
      return { problem: "no backend" };
    };
    const answer = await readLines("line\n".repeat(3_000), readSlowly, abort.signal);
    expect(answer).toMatchObject({ ok: false, code: "aborted" });
    expect(linesAtTurn).toBeLessThanOrEqual(sourceLinesAtOnceMax);
    expect(linesRead).toBeLessThanOrEqual(2 * sourceLinesAtOnceMax);
  });
});

describe("a page over HTTP", () => {
  test.each([500, 404, 403, 304])(
    "X-HTP-04 status %i is a failure, whatever the page says",
    async (status) => {
      const { origin } = await startPages(page(status === 304 ? "" : "10.0.0.1:80", status));
      expect(await fetchOnce({ kind: "plaintext", endpoint: origin })).toMatchObject({
        ok: false,
        code: "bad-status",
        detail: expect.stringContaining(String(status)),
      });
      const json = await startPages(page("[]", status));
      expect(await fetchOnce({ kind: "json", endpoint: json.origin })).toMatchObject({
        code: "bad-status",
      });
    },
  );

  test("redirects are followed; another origin gets no header of ours", async () => {
    const there = await startPages(page("10.0.0.9:80"));
    const here = await startPages((request, response) => {
      const next = request.url === "/one" ? "/two" : `${there.origin}/three`;
      response.writeHead(302, { location: next }).end();
    });
    const answer = await fetchOnce({
      kind: "plaintext",
      endpoint: `${here.origin}/one`,
      headers: [{ name: "X-Key", value: "hush" }],
      bearerToken: "hush",
    });
    expect(targetsOf(answer)).toEqual(["10.0.0.9:80"]);
    expect(here.requests.map(({ headers }) => headers["x-key"])).toEqual(["hush", "hush"]);
    expect(there.requests[0]?.headers).not.toHaveProperty("x-key");
    expect(there.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  test("redirects in a circle, or to another scheme, are failures", async () => {
    const circle = await startPages((_, response) =>
      response.writeHead(301, { location: "/" }).end(),
    );
    const scheme = await startPages((_, response) =>
      response.writeHead(301, { location: "file:///etc/passwd" }).end(),
    );
    expect(await fetchOnce({ kind: "plaintext", endpoint: circle.origin })).toMatchObject({
      code: "too-many-redirects",
    });
    expect(circle.requests.length).toBe(6);
    expect(await fetchOnce({ kind: "plaintext", endpoint: scheme.origin })).toMatchObject({
      code: "bad-answer",
    });
  });

  test("an address with a password authenticates, and is never told", async () => {
    const pages = await startPages(page("nothing here", 401));
    const endpoint = pages.origin.replace("http://", "http://user:hush@");
    const answer = await fetchOnce({ kind: "plaintext", endpoint });
    expect(pages.requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from("user:hush").toString("base64")}`,
    );
    expect(JSON.stringify(answer)).not.toContain("hush");
  });

  test.each(["%zz", "%", "%ff", "a%2"])(
    "an address whose password %s is no escaped text means it as it stands",
    async (password) => {
      const pages = await startPages(page("10.0.0.1:80"));
      const endpoint = pages.origin.replace("http://", `http://user:${password}@`);
      expect(targetsOf(await fetchOnce({ kind: "plaintext", endpoint }))).toEqual(["10.0.0.1:80"]);
      expect(pages.requests[0]?.headers.authorization).toBe(
        `Basic ${Buffer.from(`user:${password}`).toString("base64")}`,
      );
    },
  );

  test.each([
    ["a header with a line break", { headers: [{ name: "X-Key", value: "hush\r\nX: y" }] }],
    ["a token that is no header", { bearerToken: "hush\u0007" }],
  ])("%s is a failure that does not tell it", async (_, terms) => {
    const { origin } = await startPages(page("10.0.0.1:80"));
    const answer = await fetchOnce({ kind: "plaintext", endpoint: origin, ...terms });
    expect(answer).toMatchObject({ ok: false, code: "bad-request" });
    expect(JSON.stringify(answer)).not.toContain("hush");
  });

  test("a server that talks nonsense, or nobody, is a failure", async () => {
    expect(await fetchOnce({ kind: "plaintext", endpoint: "http://127.0.0.1:1/" })).toMatchObject({
      ok: false,
      code: "unreachable",
      detail: "127.0.0.1:1: ECONNREFUSED",
    });
    expect(
      await fetchOnce({ kind: "plaintext", endpoint: "http://nowhere.invalid/" }),
    ).toMatchObject({
      code: "unreachable",
    });
  });

  test("an aborted fetch leaves no connection", async () => {
    const pages = await startPages(() => undefined);
    const abort = new AbortController();
    const fetched = fetchOnce({ kind: "plaintext", endpoint: pages.origin }, abort.signal);
    await expect.poll(() => pages.requests.length).toBe(1);
    abort.abort();
    expect(await fetched).toMatchObject({ ok: false });
    await expect.poll(() => pages.open()).toBe(0);
  });
});
