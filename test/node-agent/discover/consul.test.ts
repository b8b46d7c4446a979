import {
  afterAll,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  test,
  type TestContext,
} from "vitest";

import { bestRound } from "../../support/best-round.ts";
import { consulToken, startConsul, type Consul, type ConsulSearch } from "../../support/consul.ts";
import { eventually } from "../../support/eventually.ts";
import type { Cleanup } from "../../support/processes.ts";
import { loopOver, showsMs } from "./loop-over.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

const cleanups: (() => Promise<void>)[] = [];
const cleanup: Cleanup = (run) => cleanups.push(run);
let search: ConsulSearch;
let services = 0;

beforeAll(async () => {
  search = await startConsul(cleanup, { acl: true });
});

afterAll(async () => {
  for (const run of cleanups.toReversed()) await run();
});

/** Consul, and the name of a service of one's own. */
function agent(context: TestContext): { consul: Consul; name: string } {
  if (search.kind === "none") return context.skip(search.why);
  services += 1;
  return { consul: search.consul, name: `web-${services}` };
}

function discovery(
  { address }: Consul,
  serviceName: string,
  terms: Readonly<Record<string, unknown>> = {},
) {
  return { kind: "consul", host: address, serviceName, aclToken: consulToken, ...terms };
}

describe("consul discovery from a real Consul", () => {
  test("instances of the service, by tag and by their checks, with tags and weights", async (context) => {
    const { consul, name } = agent(context);
    const register = (id: string, fields: Readonly<Record<string, unknown>>): Promise<unknown> =>
      consul.call("PUT", "/v1/agent/service/register", {
        ID: `${name}-${id}`,
        Name: name,
        Port: 80,
        ...fields,
      });
    await register("a", { Address: "10.0.0.1", Tags: ["v2", "sni=a.test", "weight=3"] });
    await register("b", { Address: "10.0.0.2", Weights: { Passing: 9, Warning: 1 } });
    await register("c", { Address: "10.0.0.3", Check: { TTL: "1h", Status: "critical" } });
    await register("d", {});
    const all = await eventually(async () => {
      const answer = await fetchOnce(discovery(consul, name));
      expect(targetsOf(answer).length).toBe(4);
      return answer;
    });
    expect(targetsOf(all).toSorted()).toEqual([
      "10.0.0.1:80",
      "10.0.0.2:80",
      "10.0.0.3:80",
      "127.0.0.1:80",
    ]);
    const passing = await fetchOnce(discovery(consul, name, { servicePassingOnly: true }));
    expect(targetsOf(passing).toSorted()).toEqual(["10.0.0.1:80", "10.0.0.2:80", "127.0.0.1:80"]);
    expect(await fetchOnce(discovery(consul, name, { serviceTag: "v2" }))).toMatchObject({
      backends: [{ host: "10.0.0.1", weight: 3, sni: "a.test" }],
    });
    expect(passing).toMatchObject({
      backends: expect.arrayContaining([expect.objectContaining({ host: "10.0.0.2", weight: 9 })]),
    });
    expect((await fetchOnce(discovery(consul, name, { datacenter: "nowhere" }))).ok).toBe(false);
  });

  test("X-CSL-06 a change shows within 1 s, by blocking queries", async (context) => {
    const { consul, name } = agent(context);
    const watched = loopOver(sourceOf(discovery(consul, name)), { intervalMs: 3_600_000 });
    await eventually(() => watched.loop.status().isWatched === true);
    const body = { ID: name, Name: name, Port: 80, Address: "10.0.0.1" };
    const tookMs = await bestRound(1_000, async () => {
      await consul.call("PUT", "/v1/agent/service/register", body);
      const comesMs = await showsMs(watched, ["10.0.0.1:80"]);
      await consul.call("PUT", `/v1/agent/service/deregister/${name}`);
      return Math.max(comesMs, await showsMs(watched, []));
    });
    expect(tookMs).toBeLessThanOrEqual(1_000);
  });

  test("a token that Consul does not know sees nothing, or is a failure, and is not told", async (context) => {
    const { consul, name } = agent(context);
    const answer = await fetchOnce(discovery(consul, name, { aclToken: "hush" }));
    expect(answer).toMatchObject({ ok: false, code: "bad-status" });
    expect(JSON.stringify(answer)).not.toContain("hush");
  });
});

test("a Consul that ends is a failure, and what it named stays", async (context) => {
  const first = await startConsul(onTestFinished);
  if (first.kind === "none") return context.skip(first.why);
  const { consul } = first;
  const source = sourceOf({ kind: "consul", host: consul.address, serviceName: "consul" });
  const watched = loopOver(source, { intervalMs: 50 });
  await eventually(() => expect(watched.targets()?.length).toBe(1));
  const before = watched.targets();
  await consul.stop();
  await eventually(() =>
    expect(watched.loop.status()).toMatchObject({ state: "failing", isWatched: false }),
  );
  expect(watched.targets()).toEqual(before);
});
