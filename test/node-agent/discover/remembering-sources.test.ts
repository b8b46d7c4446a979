import { describe, expect, onTestFinished, test } from "vitest";

import { SourceMemory } from "../../../node-agent/discover/source-memory.ts";
import { hostDisk } from "../../../node-agent/runtime/disk.ts";
import { eventually } from "../../support/eventually.ts";
import { page, startPages, type PageServer } from "../../support/page-server.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { throughout } from "../../support/throughout.ts";
import { sourceDeps } from "./source-under-test.ts";
import { fixed, lines, multi, watch } from "./watched-discovery.ts";

/** What one process after the other keeps of one balancer's sources, on a real disk. */
async function memories() {
  const path = await temporaryFolder(onTestFinished);
  return async (): Promise<SourceMemory> => {
    const folder = { disk: hostDisk(), log: quietLog(), path, node: "nod_a" };
    const memory = new SourceMemory(sourceDeps.clock, folder);
    onTestFinished(() => memory.stop());
    await memory.open("bal_a");
    return memory;
  };
}

const hourly = (pages: PageServer, terms: Readonly<Record<string, unknown>> = {}) =>
  lines(pages, { interval: "1h", ...terms });
const down = page("", 500);

describe("an edit of the sources", () => {
  test("sources that change places, and their terms with it, each keep their own backends until they answer", async () => {
    const [one, two] = [
      await startPages(page("10.0.0.1:80")),
      await startPages(page("10.0.0.2:80")),
    ];
    const { change, hosts, discovery } = watch();
    await change(multi(hourly(one), hourly(two)));
    for (const pages of [one, two]) pages.answer = down;

    await change(multi(hourly(two, { timeout: "1s" }), hourly(one, { timeout: "1s" })));
    expect(hosts()).toEqual(["10.0.0.2", "10.0.0.1"]);
    expect(discovery.status()).toMatchObject([
      { state: "failing", backends: 1, rememberedMs: expect.any(Number) },
      { state: "failing", backends: 1, rememberedMs: expect.any(Number) },
    ]);
  });

  test("when the first source is taken away, a changed second one keeps its own backends, and nothing of the first stays", async () => {
    const [one, two] = [
      await startPages(page("10.0.0.1:80")),
      await startPages(page("10.0.0.2:80")),
    ];
    const { change, hosts } = watch();
    await change(multi(hourly(one), hourly(two)));
    two.answer = down;
    await change(multi(hourly(two, { timeout: "1s" })));
    expect(hosts()).toEqual(["10.0.0.2"]);
    await change(hourly(two, { timeout: "2s" }));
    expect(hosts()).toEqual(["10.0.0.2"]);
  });

  test("a source that is put before another inherits nothing from it", async () => {
    const one = await startPages(page("10.0.0.1:80"));
    const fresh = await startPages(down);
    const { change, delivered } = watch();
    await change(hourly(one));
    delivered.length = 0;
    await change(multi(hourly(fresh), hourly(one)));
    expect(delivered.every((list) => list.length === 1)).toBe(true);
  });

  test("a source with another address keeps what stood at its place, as long as it has not answered", async () => {
    const [one, moved] = [await startPages(page("10.0.0.1:80")), await startPages(down)];
    const { change, hosts, discovery } = watch();
    await change(hourly(one));
    await change(lines(moved));
    expect(hosts()).toEqual(["10.0.0.1"]);
    expect(discovery.status()).toMatchObject([{ state: "failing", rememberedMs: null }]);
    moved.answer = page("10.0.0.9:80");
    await eventually(() => expect(hosts()).toEqual(["10.0.0.9"]));
  });

  test("X-DSC-16 the shrink guard compares with what was named before the edit, also when the edit brings the guard", async () => {
    const pages = await startPages(page("10.0.0.1:80\n10.0.0.2:80\n10.0.0.3:80\n10.0.0.4:80\n"));
    const { change, hosts, discovery } = watch();
    await change(hourly(pages));
    pages.answer = page("10.0.0.1:80");
    await change(hourly(pages, { shrinkGuard: { percent: 50 } }));
    expect(hosts()).toHaveLength(4);
    expect(discovery.status()).toMatchObject([{ lastFailure: { code: "shrunk" } }]);
    await change(hourly(pages, { shrinkGuard: { percent: 60 } }));
    expect(hosts()).toHaveLength(4);
    await change(hourly(pages, { shrinkGuard: { percent: 90 } }));
    expect(hosts()).toEqual(["10.0.0.1"]);
  });

  test("how long a source has told less outlives an edit: the guard's hold goes on", async () => {
    const pages = await startPages(page("10.0.0.1:80\n10.0.0.2:80\n10.0.0.3:80\n"));
    const { change, hosts } = watch();
    const guarded = (timeout: string) =>
      lines(pages, { timeout, shrinkGuard: { percent: 50, hold: "2s" } });
    await change(guarded("5s"));
    pages.answer = page("10.0.0.1:80");
    await eventually(() => expect(pages.requests.length).toBeGreaterThan(3));
    expect(hosts()).toHaveLength(3);
    // Edits that come faster than the hold, again and again, do not put it off.
    let edits = 0;
    await eventually(async () => {
      edits += 1;
      await change(guarded(`${5_000 + edits}ms`));
      expect(hosts()).toEqual(["10.0.0.1"]);
    });
    expect(edits).toBeGreaterThan(2);
  });
});

describe("another process", () => {
  test("F-DSC-04 goes by what sources named last, until they answer", async () => {
    const open = await memories();
    const pages = await startPages(page("10.0.0.1:80 weight=3\n10.0.0.2:80\n"));
    const before = await open();
    const first = watch(before.of("bal_a"));
    await first.change(lines(pages));
    first.discovery.stop();
    await before.stop();

    pages.answer = down;
    const next = watch((await open()).of("bal_a"));
    await next.change(multi(fixed("10.0.0.9:80"), lines(pages, { interval: "50ms" })));
    expect(next.hosts()).toEqual(["10.0.0.9", "10.0.0.1", "10.0.0.2"]);
    expect(next.discovery.status()).toMatchObject([
      { kind: "static", rememberedMs: null },
      { state: "failing", backends: 2, rememberedMs: expect.any(Number), fetches: 1 },
    ]);

    pages.answer = page("10.0.0.3:80");
    await eventually(() => expect(next.hosts()).toEqual(["10.0.0.9", "10.0.0.3"]));
    expect(next.discovery.status()).toMatchObject([{}, { state: "fresh", rememberedMs: null }]);
  });

  test("F-DSC-04 an answer that names nothing, where that is a failure, leaves what is remembered, and is never remembered itself", async () => {
    const open = await memories();
    const pages = await startPages(page("10.0.0.1:80"));
    for (const text of ["10.0.0.1:80", "", ""]) {
      pages.answer = page(text);
      const memory = await open();
      const { change, hosts, discovery } = watch(memory.of("bal_a"));
      await change(lines(pages));
      expect(hosts()).toEqual(["10.0.0.1"]);
      expect(discovery.status()[0]?.lastFailure?.code).toBe(text === "" ? "empty" : undefined);
      discovery.stop();
      await memory.stop();
    }
  });

  test("an empty answer that is meant is remembered as what it is", async () => {
    const open = await memories();
    const pages = await startPages(page("10.0.0.1:80"));
    const source = lines(pages, { emptyAnswer: "accept" });
    const before = await open();
    const first = watch(before.of("bal_a"));
    await first.change(source);
    pages.answer = page("");
    await eventually(() => expect(first.hosts()).toEqual([]));
    first.discovery.stop();
    await before.stop();
    pages.answer = down;
    const next = watch((await open()).of("bal_a"));
    await next.change(source);
    expect(next.hosts()).toEqual([]);
  });

  test("X-DSC-16 the shrink guard compares with what was named to the process before", async () => {
    const open = await memories();
    const pages = await startPages(page("10.0.0.1:80\n10.0.0.2:80\n10.0.0.3:80\n10.0.0.4:80\n"));
    const guarded = lines(pages, { shrinkGuard: { percent: 50 } });
    const before = await open();
    const first = watch(before.of("bal_a"));
    await first.change(guarded);
    first.discovery.stop();
    await before.stop();

    pages.answer = page("10.0.0.1:80");
    const next = watch((await open()).of("bal_a"));
    await next.change(guarded);
    expect(next.hosts()).toHaveLength(4);
    expect(next.discovery.status()).toMatchObject([
      { lastFailure: { code: "shrunk" }, rememberedMs: expect.any(Number) },
    ]);
  });

  test("F-DSC-05 with setempty nothing is kept: neither from a process before, nor after a change of the policy", async () => {
    const open = await memories();
    const pages = await startPages(page("10.0.0.1:80"));
    const before = await open();
    const first = watch(before.of("bal_a"));
    await first.change(hourly(pages));
    await first.change(hourly(pages, { failPolicy: "setempty" }));
    expect(first.hosts()).toEqual(["10.0.0.1"]);
    first.discovery.stop();
    await before.stop();

    pages.answer = down;
    for (const failPolicy of ["setempty", "keeplast"]) {
      const { change, hosts, discovery } = watch((await open()).of("bal_a"));
      await change(lines(pages, { failPolicy }));
      expect(hosts() ?? []).toEqual([]);
      discovery.stop();
    }
  });

  test("a source that hangs is not waited for longer than its policy lets it fail, and its backends are there meanwhile", async () => {
    const open = await memories();
    const pages = await startPages(page("10.0.0.1:80"));
    const before = await open();
    const first = watch(before.of("bal_a"));
    await first.change(lines(pages));
    first.discovery.stop();
    await before.stop();

    pages.answer = () => undefined;
    const next = watch((await open()).of("bal_a"));
    void next.change(lines(pages, { timeout: "1h" }));
    expect(next.hosts()).toEqual(["10.0.0.1"]);
    expect(next.discovery.status()).toMatchObject([
      { state: "waiting", backends: 1, rememberedMs: expect.any(Number) },
    ]);
    await throughout(() => expect(next.hosts()).toEqual(["10.0.0.1"]), { forMs: 200 });
  });
});
