import { connect } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { checkBalancer } from "#shared/validation/check-balancer.ts";

import type { VerifiedBalancer } from "../../../node-agent/apply/flows.ts";
import { startPlane, type PlaneUnderTest } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { page, startPages } from "../../support/page-server.ts";

type Json = Readonly<Record<string, unknown>>;

interface Discovering {
  readonly balancer: VerifiedBalancer;
  readonly port: number;
  /** `host:port` of the backends that get traffic or still have some. */
  readonly backends: () => readonly string[];
}

let ids = 0;

/** Serves a balancer with this discovery. */
async function serve(
  { plane }: PlaneUnderTest,
  discovery: Json,
  secrets: ReadonlyMap<string, string> = new Map(),
): Promise<Discovering> {
  const port = await freePort();
  ids += 1;
  const body = {
    name: "web",
    bind: [`127.0.0.1:${port}`],
    healthcheck: { kind: "none" },
    discovery,
  };
  const checked = checkBalancer(body);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const balancer = { id: `bal_${ids}`, hash: `${ids}`, definition: checked.value, secrets };
  const outcome = await plane.start(balancer);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  const status = () => plane.status().find(({ id }) => id === balancer.id);
  return { balancer, port, backends: () => (status()?.backends ?? []).map(({ name }) => name) };
}

const lines = (origin: string, terms: Json = {}): Json => ({
  kind: "plaintext",
  endpoint: origin,
  interval: "20ms",
  ...terms,
});

/** What a client of that port is greeted with; empty when it is turned away. */
async function greeting(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.on("close", resolve));
  return Buffer.concat(chunks).toString("utf8");
}

test("traffic follows what a source names, without a change of the definition", async () => {
  const plane = await startPlane();
  const [one, two] = [await startBackend(greet("one")), await startBackend(greet("two"))];
  const pages = await startPages(page(`127.0.0.1:${one.port}`));
  const web = await serve(plane, lines(pages.origin));
  expect(await greeting(web.port)).toBe("one");
  pages.answer = page(`127.0.0.1:${two.port}`);
  await eventually(async () => expect(await greeting(web.port)).toBe("two"));
});

test("F-DSC-05 under setempty a failure empties the set: idle backends vanish, busy ones finish", async () => {
  const plane = await startPlane();
  const [busy, idle] = [await startBackend(echo), await startBackend(echo)];
  const named = (port: number): string => `127.0.0.1:${port}`;
  const pages = await startPages(page(named(busy.port)));
  const web = await serve(plane, lines(pages.origin, { failPolicy: "setempty" }));
  const client = connect({ host: "127.0.0.1", port: web.port });
  onTestFinished(() => void client.destroy());
  client.on("error", () => undefined);
  const heard: string[] = [];
  client.on("data", (chunk) => heard.push(chunk.toString("utf8")));
  client.write("before");
  await eventually(() => expect(heard.join("")).toBe("before"));
  pages.answer = page(`${named(busy.port)}\n${named(idle.port)}`);
  await eventually(() => expect(web.backends().length).toBe(2));

  pages.answer = page("", 500);
  await eventually(() => expect(web.backends()).toEqual([named(busy.port)]));
  expect(await greeting(web.port)).toBe("");
  client.write(" and after");
  await eventually(() => expect(heard.join("")).toBe("before and after"));
  client.end();
  await eventually(() => expect(web.backends()).toEqual([]));
});

test("F-DSC-04 under keeplast a failure keeps the last set, and clients are served", async () => {
  const plane = await startPlane();
  const backend = await startBackend(greet("one"));
  const pages = await startPages(page(`127.0.0.1:${backend.port}`));
  const web = await serve(plane, lines(pages.origin));
  pages.answer = page("", 500);
  await eventually(() => plane.ofKind("discovery.failed").length > 0);
  expect(await greeting(web.port)).toBe("one");
  expect(plane.ofKind("discovery.failed")[0]).toMatchObject({
    balancer: web.balancer.id,
    source: "/discovery",
    sourceKind: "plaintext",
    code: "bad-status",
  });
});

test("F-DSC-10 deleting the balancer ends its fetches at once, also in mid-fetch", async () => {
  const plane = await startPlane();
  const pages = await startPages(page(""));
  const web = await serve(plane, lines(pages.origin, { timeout: "0" }));
  let unanswered = 0;
  pages.answer = () => void (unanswered += 1);
  await eventually(() => unanswered === 1);
  await plane.plane.remove(web.balancer.id, 0);
  await eventually(() => pages.open() === 0);
  expect(unanswered).toBe(1);
});

test("sources that hang, flood or lie harm no other balancer", async () => {
  const plane = await startPlane();
  const backend = await startBackend(greet("well"));
  const hanging = await startPages(() => undefined);
  const flooding = await startPages((_, response) => {
    response.on("error", () => undefined);
    const more = (): void => {
      if (!response.destroyed) response.write("x".repeat(1_000_000), more);
    };
    more();
  });
  const lying = await startPages(page("\u0000hello\n:::\n70000:70000\n".repeat(5_000)));
  for (const { origin } of [hanging, flooding, lying]) {
    await serve(plane, lines(origin, { timeout: "5s" }));
  }
  const web = await serve(plane, { kind: "static", backends: [`127.0.0.1:${backend.port}`] });
  await eventually(() => {
    const codes = plane.ofKind("discovery.failed").map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(["too-big", "unusable"]));
  });
  expect(await greeting(web.port)).toBe("well");
});

test("X-DSC-15 the agent's status tells of every source when it answered and failed last, how long it took and how much it named", async () => {
  const plane = await startPlane();
  const pages = await startPages(page("127.0.0.1:1\nnonsense"));
  const web = await serve(plane, {
    kind: "multi",
    sources: [{ kind: "static", backends: ["127.0.0.1:2"] }, lines(pages.origin)],
  });
  const sources = () => plane.plane.status().find(({ id }) => id === web.balancer.id)?.sources;
  await eventually(() => expect(sources()?.[1]?.fetches).toBeGreaterThan(1));
  pages.answer = page("", 500);
  await eventually(() => expect(sources()?.[1]?.state).toBe("failing"));
  expect(sources()).toMatchObject([
    { pointer: "/discovery/sources/0", kind: "static", state: "fresh", backends: 1 },
    {
      pointer: "/discovery/sources/1",
      kind: "plaintext",
      backends: 1,
      skipped: 1,
      lastSuccessMs: expect.any(Number),
      lastFailure: { code: "bad-status", atMs: expect.any(Number) },
      lastDurationMs: expect.any(Number),
    },
  ]);
  expect([...web.backends()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    "127.0.0.1:1",
    "127.0.0.1:2",
  ]);
  pages.answer = page("127.0.0.1:1");
  await eventually(() => plane.ofKind("discovery.recovered").length === 1);
});

test("a source gets its secrets in plain text, and nothing that is told holds them", async () => {
  const plane = await startPlane();
  const secret = "sec_01hzy3v5n8w2k7q4m6r9t0a1b2";
  const pages = await startPages(page("hush", 401));
  const discovery = {
    kind: "multi",
    sources: [
      lines(pages.origin, { headers: [{ name: "X-Key", value: { secret } }] }),
      { kind: "consul", host: `127.0.0.1:${pages.port}`, serviceName: "web", aclToken: { secret } },
    ],
  };
  await serve(plane, discovery, new Map([[secret, "hush"]]));
  await eventually(() => {
    const headers = pages.requests.map((request) => request.headers);
    expect(headers.some((one) => one["x-key"] === "hush")).toBe(true);
    expect(headers.some((one) => one["x-consul-token"] === "hush")).toBe(true);
  });
  await eventually(() => plane.ofKind("discovery.failed").length > 1);
  expect(JSON.stringify([plane.events, plane.plane.status(), plane.log])).not.toContain("hush");
});
