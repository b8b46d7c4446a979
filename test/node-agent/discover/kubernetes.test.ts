import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { systemClock } from "#shared/base/clock.ts";
import { watchEventBytesMax } from "#shared/base/limits.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { DiscoverySource } from "../../../node-agent/discover/discovery.ts";
import { kubernetesSource } from "../../../node-agent/discover/kubernetes/kubernetes.ts";
import { bestRound } from "../../support/best-round.ts";
import { eventually } from "../../support/eventually.ts";
import { page, startPages, type Answer, type PageServer } from "../../support/page-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { testCertificate } from "../../support/test-certificates.ts";
import { throughout } from "../../support/throughout.ts";
import { testRealKubernetes } from "./kubernetes-real.ts";
import {
  ending,
  notReady,
  ready,
  selector,
  slice,
  slicesPath,
  versionOf,
} from "./kubernetes-scenario.ts";
import { loopOver, showsMs } from "./loop-over.ts";
import { definedSource, fetchOnce, sourceDeps, sourceOf, targetsOf } from "./source-under-test.ts";

const answerSchema = z.object({ status: z.number(), text: z.string() });

/** What a real API server said: see record-kubernetes-main.ts. */
const recorded = z
  .object({
    empty: answerSchema,
    listed: answerSchema,
    newest: answerSchema,
    watched: answerSchema,
    changed: answerSchema,
    gone: answerSchema,
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, "kubernetes-recorded.json"), "utf8")));

const tls = { rootCa: { pem: testCertificate.cert } };

function discovery(apiServer: string, terms: Readonly<Record<string, unknown>> = {}) {
  return { kind: "kubernetes", apiServer, serviceName: "web", port: "http", tls, ...terms };
}

/** Over HTTPS, as an API server is. */
function startApi(answer: Answer): Promise<PageServer> {
  return startPages(answer, { tls: testCertificate });
}

const said = ({ text, status }: z.output<typeof answerSchema>): Answer => page(text, status);

/** A list of these slices. */
const listing = (...items: readonly unknown[]): Answer =>
  page(JSON.stringify({ metadata: { resourceVersion: "7" }, items }));

describe("kubernetes discovery from what a real API server said", () => {
  test("endpoints that are ready, or not known not to be, at the named port", async () => {
    const { origin, requests } = await startApi(said(recorded.listed));
    const answer = await fetchOnce(discovery(origin, { bearerToken: "hush" }));
    expect(targetsOf(answer)).toEqual(["10.1.0.1:8080", "10.1.0.4:8080"]);
    expect(answer).not.toHaveProperty("skipped");
    const [asked] = requests;
    expect(asked?.url).toBe(`${slicesPath}?${selector}`);
    expect(asked?.headers.authorization).toBe("Bearer hush");
  });

  test("a port by its number, another protocol's by its name, and the other family", async () => {
    const { origin } = await startApi(said(recorded.listed));
    const at = async (terms: Readonly<Record<string, unknown>>) =>
      targetsOf(await fetchOnce(discovery(origin, terms)));
    expect(await at({ port: 9090 })).toEqual(["10.1.0.1:9090", "10.1.0.4:9090"]);
    expect(await at({ addressFamily: "IPv6" })).toEqual(["[fd00::1]:8080"]);
    expect(await at({ addressFamily: "any" })).toEqual([
      "10.1.0.1:8080",
      "10.1.0.4:8080",
      "[fd00::1]:8080",
    ]);
    const udp = sourceOf(discovery(origin, { port: "quic", addressFamily: "IPv6" }), "udp");
    expect(targetsOf(await udp.fetch(new AbortController().signal))).toEqual(["[fd00::1]:8443"]);
  });

  test("a service without slices has no backends", async () => {
    const { origin } = await startApi(said(recorded.empty));
    expect(await fetchOnce(discovery(origin))).toEqual({ ok: true, backends: [] });
  });

  test("X-DSC-13 a change is told by the watch, and shows within 1 s; bookmarks change nothing", async () => {
    const lines = recorded.watched.text.trimEnd().split("\n");
    const kinds = lines.map((line) => z.object({ type: z.string() }).parse(JSON.parse(line)).type);
    expect(new Set(kinds)).toEqual(new Set(["MODIFIED", "ADDED", "DELETED", "BOOKMARK"]));
    const stream = Promise.withResolvers<(line: string) => void>();
    let isChanged = false;
    const { origin, requests } = await startApi((request, response) => {
      if (request.url?.includes("limit=1")) return said(recorded.newest)(request, response);
      if (request.url?.includes("watch=1") !== true) {
        return said(isChanged ? recorded.changed : recorded.listed)(request, response);
      }
      response.flushHeaders();
      stream.resolve((line) => response.write(`${line}\n`));
    });
    const watched = loopOver(sourceOf(discovery(origin)), { intervalMs: 3_600_000 });
    const write = await stream.promise;
    await eventually(() => watched.loop.status().isWatched === true);
    await eventually(() => expect(watched.targets()).toEqual(["10.1.0.1:8080", "10.1.0.4:8080"]));
    const watch = requests.find(({ url }) => url?.includes("watch=1"));
    const query = new URL(watch?.url ?? "", origin).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      labelSelector: "kubernetes.io/service-name=web",
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: versionOf(recorded.newest.text),
      timeoutSeconds: "300",
    });

    await settledFetches(watched);
    const before = watched.loop.status().fetches;
    for (const line of lines.filter((_, at) => kinds[at] === "BOOKMARK")) write(line);
    await throughout(() => expect(watched.loop.status().fetches).toBe(before), { forMs: 500 });
    const tookMs = await bestRound(1_000, () => {
      isChanged = !isChanged;
      for (const line of lines.filter((_, at) => kinds[at] !== "BOOKMARK")) write(line);
      const hosts = isChanged ? ["10.1.0.9", "10.1.1.1"] : ["10.1.0.1", "10.1.0.4"];
      const targets = hosts.map((host) => `${host}:8080`);
      return showsMs(watched, targets);
    });
    expect(tookMs).toBeLessThanOrEqual(1_000);
  });

  test("a watch that ends in order goes on at the version it has reached", async () => {
    let watches = 0;
    const { origin, requests } = await startApi((request, response) => {
      if (request.url?.includes("watch=1") !== true) {
        return said(recorded.newest)(request, response);
      }
      response.write(recorded.watched.text);
      watches += 1;
      // The first one has lasted for a while.
      if (watches === 1) setTimeout(() => response.end(), 1_200);
    });
    const watched = loopOver(sourceOf(discovery(origin)), { intervalMs: 3_600_000 });
    await eventually(() => expect(watches).toBe(2));
    const versions = requests.flatMap(({ url = "" }) =>
      url.includes("watch=1") ? [new URL(url, origin).searchParams.get("resourceVersion")] : [],
    );
    const last = recorded.watched.text.trimEnd().split("\n").at(-1) ?? "";
    expect(last).toContain('"BOOKMARK"');
    expect(last).toContain(`"resourceVersion":"${versions[1]}"`);
    expect(versions[0]).not.toBe(versions[1]);
    const lists = requests.filter(({ url }) => url?.includes("limit=1"));
    expect(lists.length).toBe(1);
    expect(watched.loop.status().isWatched).toBe(true);
  });

  test.each([
    ["an event", said(recorded.gone)],
    ["a status", page("{}", 410)],
  ])("410 Gone as %s begins anew with a list", async (_, gone) => {
    let watches = 0;
    let isChanged = false;
    const { origin, requests } = await startApi((request, response) => {
      if (request.url?.includes("watch=1") !== true) {
        return said(isChanged ? recorded.changed : recorded.listed)(request, response);
      }
      watches += 1;
      if (watches > 1) return response.flushHeaders();
      isChanged = true;
      return gone(request, response);
    });
    const watched = loopOver(sourceOf(discovery(origin)), { intervalMs: 3_600_000 });
    await eventually(() => expect(watches).toBe(2));
    await eventually(() => watched.loop.status().isWatched === true);
    await eventually(() => expect(watched.targets()).toEqual(["10.1.0.9:8080", "10.1.1.1:8080"]));
    expect(requests.filter(({ url }) => url?.includes("limit=1")).length).toBe(2);
  });
});

/** Waits until nothing is asked any more for what was announced. */
async function settledFetches(watched: ReturnType<typeof loopOver>): Promise<void> {
  let last = -1;
  await eventually(
    () => {
      const { fetches } = watched.loop.status();
      const isSettled = fetches === last;
      last = fetches;
      return isSettled;
    },
    { everyMs: 300 },
  );
}

describe("kubernetes discovery from slices of the test's own", () => {
  const found = async (
    items: readonly unknown[],
    terms: Readonly<Record<string, unknown>> = {},
  ) => {
    const { origin } = await startApi(listing(...items));
    return fetchOnce(discovery(origin, terms));
  };
  const one = (address: string, conditions: unknown = ready) => ({
    addresses: [address],
    conditions,
  });

  test("where none is ready, those that end but still serve are used", async () => {
    const endpoints = [one("10.0.0.1", ending), one("10.0.0.2", notReady)];
    expect(targetsOf(await found([slice({ name: "a", endpoints })]))).toEqual(["10.0.0.1:8080"]);
    const more = slice({ name: "b", endpoints: [one("10.0.0.3")] });
    const both = await found([slice({ name: "a", endpoints }), more]);
    expect(targetsOf(both)).toEqual(["10.0.0.3:8080"]);
  });

  test("a service of IPv6 alone is used as it is, and only the first address of an endpoint", async () => {
    const endpoints = [{ addresses: ["fd00::1", "fd00::2"], conditions: ready }];
    const slices = [
      slice({ name: "none", endpoints: [] }),
      slice({ name: "six", family: "IPv6", endpoints }),
    ];
    expect(targetsOf(await found(slices))).toEqual(["[fd00::1]:8080"]);
  });

  test("slices whose port is not clear are skipped and told; a single port needs no name", async () => {
    const endpoints = [one("10.0.0.1")];
    const single = slice({ name: "single", endpoints, ports: [{ name: "", port: 80 }] });
    expect(targetsOf(await found([single], { port: undefined }))).toEqual(["10.0.0.1:80"]);
    const numberless = slice({ name: "a", endpoints, ports: [{ name: "http" }] });
    const unclear = [
      { of: slice({ name: "a", endpoints }), port: undefined, why: "has several ports, and the" },
      { of: slice({ name: "a", endpoints }), port: "quic", why: "has no tcp port quic" },
      { of: numberless, port: "http", why: "does not tell the number of its port" },
    ];
    for (const { of, port, why } of unclear) {
      const detail = expect.stringContaining(`the EndpointSlice a ${why}`);
      expect(await found([of], { port })).toMatchObject({ ok: false, code: "unusable", detail });
      const other = slice({ name: "b", endpoints, ports: [{ name: port ?? "", port: 80 }] });
      expect(await found([of, other], { port })).toMatchObject({
        backends: [{ host: "10.0.0.1", port: 80 }],
        skipped: { count: 1, detail },
      });
    }
    expect(await found([{ metadata: {} }, single], { port: undefined })).toMatchObject({
      backends: [{ host: "10.0.0.1" }],
      skipped: { count: 1 },
    });
  });

  test.each([
    ["no JSON", page("hush"), "bad-answer"],
    ["no list", page("{}"), "bad-answer"],
    ["a token that is not known", page('{"message":"hush"}', 401), "bad-status"],
    ["a right that is missing", page('{"message":"hush"}', 403), "bad-status"],
  ])("%s is a failure that quotes nothing", async (_, answer, code) => {
    const { origin } = await startApi(answer);
    const fetched = await fetchOnce(discovery(origin, { bearerToken: "secret-token" }));
    expect(fetched).toMatchObject({ ok: false, code });
    expect(JSON.stringify(fetched)).not.toMatch(/hush|secret-token/);
  });

  test("a server whose certificate is not trusted gets no token", async () => {
    const api = await startApi(listing());
    const fetched = await fetchOnce(discovery(api.origin, { tls: {}, bearerToken: "hush" }));
    expect(fetched).toMatchObject({ ok: false, code: "tls" });
    expect(api.requests.length).toBe(0);
  });

  test.each([
    ["what is no event", "hush\n", "bad-answer"],
    ["an event without a version", '{"type":"ADDED","object":{}}\n', "bad-answer"],
    ["an error", '{"type":"ERROR","object":{"code":500}}\n', "bad-status"],
    ["an event without an end", "x".repeat(watchEventBytesMax + 1), "too-big"],
  ])("%s ends the watch, and is told without quoting it", async (_, text, code) => {
    const { origin } = await startApi((request, response) => {
      if (request.url?.includes("watch=1") !== true) return listing()(request, response);
      response.write(text);
    });
    const end = await sourceOf(discovery(origin)).watch?.(
      () => undefined,
      new AbortController().signal,
    );
    expect(end).toMatchObject({ code });
    expect(end?.detail).not.toContain("hush");
  });
});

describe("kubernetes discovery from inside the cluster", () => {
  async function inside(api: PageServer): Promise<{ source: DiscoverySource; folder: string }> {
    const folder = join(await temporaryFolder(onTestFinished), "serviceaccount");
    await mkdir(folder);
    const own = { origin: api.origin, folder };
    const defined = definedSource({ kind: "kubernetes", serviceName: "web", port: "http" });
    if (defined.kind !== "kubernetes") throw new Error("another kind");
    const deps = { ...sourceDeps, clock: systemClock(), transport: "tcp", own } as const;
    return { source: kubernetesSource(deps, defined), folder };
  }

  test("the service account's token and authority are used, and read again each time", async () => {
    const api = await startApi(said(recorded.listed));
    const { source, folder } = await inside(api);
    const { signal } = new AbortController();
    expect(await source.fetch(signal)).toMatchObject({ ok: false, code: "bad-file" });
    await writeFile(join(folder, "ca.crt"), testCertificate.cert);
    for (const token of ["first", "renewed"]) {
      await writeFile(join(folder, "token"), `${token}\n`);
      expect((await source.fetch(signal)).ok).toBe(true);
      expect(api.requests.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
    }
  });

  test("a token or authority of the definition's needs an API server of its own", () => {
    const raw = { kind: "kubernetes", serviceName: "web", bearerToken: "x", tls: {} };
    const checked = checkBalancer({ name: "web", bind: [":1"], discovery: raw });
    expect(checked).toMatchObject({
      ok: false,
      problems: [
        { pointer: "/discovery/bearerToken", code: "conflict" },
        { pointer: "/discovery/tls", code: "conflict" },
      ],
    });
  });
});

// No package brings an API server, so that none is asked for: test/support/build-kube-apiserver makes one.
const program = process.env["MIDSTREAM_TEST_KUBERNETES"];
if (program !== undefined) testRealKubernetes(program);
