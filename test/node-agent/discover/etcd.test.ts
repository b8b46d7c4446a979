import { describe, expect, onTestFinished, test, type TestContext } from "vitest";

import { bestRound } from "../../support/best-round.ts";
import { startEtcd, type Etcd } from "../../support/etcd.ts";
import { eventually } from "../../support/eventually.ts";
import { page, startPages } from "../../support/page-server.ts";
import { loopOver, showsMs } from "./loop-over.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

async function etcdOf(context: TestContext): Promise<Etcd> {
  const search = await startEtcd(onTestFinished);
  return search.kind === "none" ? context.skip(search.why) : search.etcd;
}

function discovery(endpoint: string, terms: Readonly<Record<string, unknown>> = {}) {
  return { kind: "etcd", endpoint, prefix: "/web/", ...terms };
}

describe("etcd discovery from a real etcd", () => {
  test("keys that begin with the prefix hold lines or objects; what is neither is skipped and told", async (context) => {
    const etcd = await etcdOf(context);
    expect(await fetchOnce(discovery(etcd.endpoint))).toEqual({ ok: true, backends: [] });
    await etcd.put("/web/1", "10.0.0.1:80 weight=2");
    await etcd.put("/web/2", '{"host": "::1", "port": "81", "max_connections": 3, "weight": "x"}');
    await etcd.put("/web/3", "hush");
    await etcd.put("/web/4", '{"port": 1');
    await etcd.put("/web0", "10.0.0.9:80");
    const answer = await fetchOnce(discovery(etcd.endpoint));
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80", "[::1]:81"]);
    expect(answer).toMatchObject({
      backends: [{ weight: 2 }, { weight: 1, maxConnections: 3 }],
      skipped: { count: 2, detail: "the key /web/3 holds no backend" },
    });
  });

  test("X-DSC-14 a change below the prefix shows within 1 s, by a watch", async (context) => {
    const etcd = await etcdOf(context);
    const watched = loopOver(sourceOf(discovery(etcd.endpoint)), { intervalMs: 3_600_000 });
    await eventually(() => watched.loop.status().isWatched === true);
    const tookMs = await bestRound(1_000, async () => {
      await etcd.put("/web/1", "10.0.0.1:80");
      const comesMs = await showsMs(watched, ["10.0.0.1:80"]);
      await etcd.remove("/web/1");
      return Math.max(comesMs, await showsMs(watched, []));
    });
    expect(tookMs).toBeLessThanOrEqual(1_000);
  });

  test("a name and password are exchanged for a token, and never told", async (context) => {
    const etcd = await etcdOf(context);
    await etcd.put("/web/1", "10.0.0.1:80");
    await etcd.protect("hush-hush");
    const auth = { username: "root", password: "hush-hush" };
    expect(targetsOf(await fetchOnce(discovery(etcd.endpoint, { auth })))).toEqual(["10.0.0.1:80"]);
    const watched = loopOver(sourceOf(discovery(etcd.endpoint, { auth })), {
      intervalMs: 3_600_000,
    });
    await eventually(() => watched.loop.status().isWatched === true);

    expect((await fetchOnce(discovery(etcd.endpoint))).ok).toBe(false);
    const wrong = { username: "root", password: "secret-but-wrong" };
    const refused = await fetchOnce(discovery(etcd.endpoint, { auth: wrong }));
    expect(refused).toMatchObject({ ok: false, code: "bad-status" });
    expect(JSON.stringify(refused)).not.toContain("secret-but-wrong");
  });
});

test("an answer that is no range, or an etcd that is not there, is a failure", async () => {
  const { origin } = await startPages(page('{"kvs": 5}'));
  expect(await fetchOnce(discovery(origin))).toMatchObject({ ok: false, code: "bad-answer" });
  expect(await fetchOnce(discovery("http://127.0.0.1:1"))).toMatchObject({ code: "unreachable" });
});
