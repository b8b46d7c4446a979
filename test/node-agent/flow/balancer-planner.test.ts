import { lstat, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { planBackendsMax, planProblemsMax } from "#shared/base/limits.ts";
import type { PlanResult } from "#shared/wire/plan.ts";

import { checkPolicy, type Policy } from "../../../node-agent/apply/policy.ts";
import { createBalancerPlanner } from "../../../node-agent/flow/balancer-planner.ts";
import { capabilitiesOf } from "../../../node-agent/flow/capabilities.ts";
import type { DataPlane } from "../../../node-agent/flow/data-plane.ts";
import { NameLookup } from "../../../node-agent/runtime/name-lookup.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { startPlane, verified } from "../../support/data-plane.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { page, startPages } from "../../support/page-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

function policyOf(raw: object): Policy {
  const checked = checkPolicy(raw);
  if (!checked.ok) throw new Error("the policy is wrong");
  return checked.value;
}

interface Question {
  readonly plane?: Pick<DataPlane, "capabilities" | "obstacles" | "status">;
  readonly policy?: object;
  readonly balancer?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly withinMs?: number;
  readonly signal?: AbortSignal;
}

/** A data plane that serves nothing, on a host where every address is free. */
const capabilities = capabilitiesOf("portable", { keepsCertificates: true });
const emptyPlane = { capabilities, obstacles: () => Promise.resolve([]), status: () => [] };

/** What a node would find for this definition, on a data plane that serves nothing unless given. */
function planned(definition: object, question: Question = {}): Promise<PlanResult> {
  const dataPlane = question.plane ?? emptyPlane;
  const clock = systemClock();
  const plan = createBalancerPlanner({
    clock,
    dataPlane,
    policy: policyOf(question.policy ?? {}),
    lookup: new NameLookup({ clock }).forSockets,
    certificateOf: () => undefined,
    secretsOf: () => new Map(Object.entries(question.secrets ?? {})),
  });
  return plan({
    balancer: question.balancer ?? null,
    definition: { name: "planned", ...definition },
    withinMs: question.withinMs ?? 4_000,
    signal: question.signal ?? new AbortController().signal,
  });
}

function statics(...backends: readonly string[]): object {
  return { kind: "static", backends };
}

describe("supported", () => {
  test("what the agent does not know is named, and nothing else is looked at", async () => {
    const plane = {
      ...emptyPlane,
      capabilities: new Set([...capabilities].filter((name) => name !== "protocol:tcp")),
    };
    const definition = { bind: ["127.0.0.1:1"], discovery: statics("127.0.0.1:1") };
    const { aspects, backends } = await planned(definition, { plane });
    expect(aspects.supported).toMatchObject({
      state: "no",
      problems: [{ pointer: "/protocol", code: "unsupported" }],
    });
    expect(aspects.dialable.state).toBe("unknown");
    expect(backends).toEqual({ found: 0, tried: 0, reachable: 0 });
  });

  test("a definition that is wrong for this agent is told with its pointers", async () => {
    const { aspects } = await planned({ bind: ["nowhere"], discovery: statics(), later: true });
    expect(aspects.supported.state).toBe("no");
    const pointers = aspects.supported.problems.map(({ pointer }) => pointer);
    expect(pointers).toEqual(expect.arrayContaining(["/bind/0", "/later"]));
  });
});

describe("bindable", () => {
  test("its own address is no obstacle, another balancer's of this node is, by name", async () => {
    const { plane } = await startPlane();
    const port = await freePort();
    const running = verified({ id: "bal_own", bind: [`127.0.0.1:${port}`], backends: [] });
    expect(await plane.start(running)).toMatchObject({ ok: true });
    const definition = { bind: [`127.0.0.1:${port}`], discovery: statics() };
    const own = await planned(definition, { plane, balancer: "bal_own" });
    expect(own.aspects.bindable.state).toBe("yes");
    const other = await planned(definition, { plane });
    expect(other.aspects.bindable).toMatchObject({
      state: "no",
      problems: [{ pointer: "/bind/0", code: "EADDRINUSE" }],
    });
    expect(other.aspects.bindable.problems[0]?.detail).toContain(running.definition.name);
  });

  test("a Unix socket is judged from outside: no file is made, and a stale one stays", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const [live, stale, file] = ["live", "stale", "file"].map((name) => join(folder, name));
    if (live === undefined || stale === undefined || file === undefined) throw new Error("paths");
    const server = createServer().listen(live);
    onTestFinished(() => void server.close());
    await leaveSocket(stale);
    await writeFile(file, "");
    const paths = [live, stale, file, join(folder, "new"), join(folder, "no", "folder")];
    const policy = { sockets: { allow: paths } };
    const bind = paths.map((path) => `unix:${path}`);
    const { aspects } = await planned({ bind, discovery: statics() }, { policy });
    expect(aspects.bindable.problems).toMatchObject([
      { pointer: "/bind/0", code: "EADDRINUSE" },
      { pointer: "/bind/2", code: "EADDRINUSE" },
      { pointer: "/bind/4", code: "ENOENT" },
    ]);
    expect((await lstat(stale)).isSocket()).toBe(true);
    await expect(lstat(join(folder, "new"))).rejects.toThrow("ENOENT");
  });
});

describe("backends", () => {
  test("a source is asked once, and its backends are dialled", async () => {
    const backend = await startBackend(greet("hello"));
    const pages = await startPages(page(`127.0.0.1:${backend.port}`));
    const discovery = { kind: "plaintext", endpoint: pages.origin };
    const { aspects, backends } = await planned({ bind: ["127.0.0.1:1"], discovery });
    expect(aspects.discoverable).toEqual({ state: "yes", problems: [], unlisted: 0 });
    expect(backends).toEqual({ found: 1, tried: 1, reachable: 1 });
  });

  test("what a source names that is no backend is counted, with the first reason", async () => {
    const pages = await startPages(page("127.0.0.1:3\nnonsense\n127.0.0.1:2 color=red\n"));
    const discovery = { kind: "plaintext", endpoint: pages.origin };
    const { sources } = await planned({ bind: ["127.0.0.1:1"], discovery });
    expect(sources).toEqual([
      {
        ...{ pointer: "/discovery", kind: "plaintext", state: "answered", reason: null },
        ...{ backends: 1, skipped: 2, firstSkipped: 'line 2: "nonsense": write host:port' },
      },
    ]);
  });

  test("the balancer itself is counted so too, and where it is written down alone there is none", async () => {
    const pages = await startPages(page("127.0.0.1:1\n127.0.0.1:2"));
    const asked = { kind: "plaintext", endpoint: pages.origin };
    const sources = [asked, statics("127.0.0.1:1", "127.0.0.1:3"), statics("127.0.0.1:1")];
    const discovery = { kind: "multi", sources };
    const plan = await planned({ bind: [":1"], discovery });
    const firstSkipped = "127.0.0.1:1 is this balancer itself, which listens on :1";
    expect(plan.sources).toMatchObject([
      { state: "answered", backends: 1, skipped: 1, firstSkipped },
      { state: "answered", backends: 1, skipped: 1, firstSkipped },
      { state: "failed", backends: 0, reason: null },
    ]);
    expect(plan.backends.found).toBe(2);
    expect(plan.aspects.discoverable.problems).toMatchObject([
      { pointer: "/discovery/sources/2", code: "unusable" },
    ]);
    const dialled = plan.aspects.dialable.problems.map(({ pointer }) => pointer);
    expect(dialled).toContain("/discovery/sources/1/backends/1");
  });

  test("a backend that is named twice is one, however it is spelled", async () => {
    const { port } = await startBackend(greet("hello"));
    const discovery = statics(
      `127.0.0.1:${port}`,
      `127.0.0.1:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
    );
    const { backends } = await planned({ bind: ["127.0.0.1:1"], discovery });
    expect(backends).toEqual({ found: 1, tried: 1, reachable: 1 });
  });

  test("a source that fails is named, and what it would have named is not known", async () => {
    const closed = await freePort();
    const discovery = { kind: "plaintext", endpoint: `http://127.0.0.1:${closed}/` };
    const { aspects, sources } = await planned({ bind: ["127.0.0.1:1"], discovery });
    expect(sources).toMatchObject([{ state: "failed", reason: null, backends: 0 }]);
    expect(aspects.discoverable).toMatchObject({
      state: "no",
      problems: [{ pointer: "/discovery", code: "unreachable" }],
    });
    expect(aspects.resolvable.state).toBe("unknown");
    expect(aspects.dialable.state).toBe("unknown");
  });

  test("a source whose secret this node has is asked with it, for the balancer that runs here only", async () => {
    const secret = "sec_01k5v0w2x3y4z5a6b7c8d9e0f1";
    const pages = await startPages(page("127.0.0.1:2"));
    const auth = { username: "me", password: { secret } };
    const discovery = { kind: "plaintext", endpoint: pages.origin, auth };
    const definition = { bind: ["127.0.0.1:1"], discovery };
    const secrets = { [secret]: "opened" };
    const running = await planned(definition, { balancer: "bal_own", secrets });
    expect(running.backends.found).toBe(1);
    const sent = Buffer.from("me:opened").toString("base64");
    expect(pages.requests.map(({ headers }) => headers.authorization)).toEqual([`Basic ${sent}`]);
    expect(JSON.stringify(running)).not.toContain("opened");
    const other = await planned(definition, { secrets });
    expect(other.aspects.discoverable.state).toBe("unknown");
    expect(pages.requests).toHaveLength(1);
  });

  test("a command is not run, and a source without its secret is not asked: both are unknown", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const made = join(folder, "made");
    const command = ["/usr/bin/touch", made];
    const consul = { kind: "consul", host: "127.0.0.1:1", serviceName: "web" };
    const token = { secret: "sec_01k5v0w2x3y4z5a6b7c8d9e0f1" };
    const sources = [
      { kind: "exec", command },
      { ...consul, aclToken: token },
    ];
    const { aspects, sources: told } = await planned(
      { bind: ["127.0.0.1:1"], discovery: { kind: "multi", sources } },
      { policy: { exec: { allow: [command] } } },
    );
    const unasked = { state: "not-asked", backends: 0, skipped: 0, firstSkipped: "" };
    expect(told).toEqual([
      { pointer: "/discovery/sources/0", kind: "exec", reason: "runs-a-command", ...unasked },
      { pointer: "/discovery/sources/1", kind: "consul", reason: "secret-not-on-node", ...unasked },
    ]);
    const denied = await planned({ bind: ["127.0.0.1:1"], discovery: sources[0] ?? {} });
    expect(denied.sources).toMatchObject([{ state: "not-asked", reason: "denied-by-policy" }]);
    expect(aspects.discoverable).toMatchObject({
      state: "unknown",
      problems: [
        { pointer: "/discovery/sources/0", code: "not-looked-at" },
        { pointer: "/discovery/sources/1", code: "not-looked-at" },
      ],
    });
    await expect(lstat(made)).rejects.toThrow("ENOENT");
  });

  test("backends that take no connection do not hold the answer up; the rest stays unknown", async () => {
    const hole = await startBlackHole();
    const { aspects, backends } = await planned(
      { bind: ["127.0.0.1:1"], discovery: statics(`${hole.host}:${hole.port}`) },
      { withinMs: 300 },
    );
    expect(aspects.dialable).toMatchObject({
      state: "no",
      problems: [{ pointer: "/discovery/backends/0", code: "ETIMEDOUT" }],
    });
    expect(backends).toEqual({ found: 1, tried: 1, reachable: 0 });
    const late = await planned(
      { bind: ["127.0.0.1:1"], discovery: statics(`${hole.host}:${hole.port}`) },
      { withinMs: 0 },
    );
    expect(late.aspects.dialable.state).toBe("unknown");
  });

  test("of very many only so many are dialled, and only so many problems are listed", async () => {
    const closed = await freePort();
    const many = Array.from({ length: planBackendsMax + 5 }, (_, index) => ({
      host: `127.0.${1 + (index >> 8)}.${index & 255}`,
      port: closed,
    }));
    const { aspects, backends } = await planned({
      bind: ["127.0.0.1:1"],
      discovery: { kind: "static", backends: many },
    });
    expect(backends).toEqual({ found: planBackendsMax + 5, tried: planBackendsMax, reachable: 0 });
    expect(aspects.dialable.problems).toHaveLength(planProblemsMax);
    expect(aspects.dialable.unlisted).toBe(planBackendsMax + 1 - planProblemsMax);
  });

  test("an agent that ends does not wait for its dials", async () => {
    const hole = await startBlackHole();
    const ended = new AbortController();
    const plan = planned(
      { bind: ["127.0.0.1:1"], discovery: statics(`${hole.host}:${hole.port}`) },
      { signal: ended.signal, withinMs: 60_000 },
    );
    ended.abort();
    expect((await plan).backends.reachable).toBe(0);
  });
});

/** A socket's file without anybody who listens. */
async function leaveSocket(path: string): Promise<void> {
  const real = `${path}.real`;
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(real, resolve));
  await rename(real, path);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
}
