import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { page, startPages } from "../../support/page-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { throughout } from "../../support/throughout.ts";
import { fixed, lines, multi, watch } from "./watched-discovery.ts";

describe("several sources of one balancer", () => {
  test("X-DSC-12 sources are merged, and each has a fail policy of its own", async () => {
    const kept = await startPages(page("10.0.0.2:80"));
    const emptied = await startPages(page("10.0.0.3:80"));
    const { change, hosts } = watch();
    await change(
      multi(fixed("10.0.0.1:80"), lines(kept), lines(emptied, { failPolicy: "setempty" })),
    );
    expect(hosts()).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);

    kept.answer = page("", 500);
    await eventually(() => kept.requests.length > 3);
    expect(hosts()).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    emptied.answer = page("", 500);
    await eventually(() => expect(hosts()).toEqual(["10.0.0.1", "10.0.0.2"]));
  });

  test("F-EXE-02 a command that fails, or runs too long, is a failure, and the fail policy decides", async () => {
    const folder = await temporaryFolder(onTestFinished);
    const [mood, next] = [join(folder, "mood.sh"), join(folder, "next.sh")];
    const feel = async (text: string): Promise<void> => {
      await writeFile(next, text);
      await rename(next, mood);
    };
    const listing = (address: string, terms: Readonly<Record<string, unknown>>) => ({
      kind: "exec",
      command: ["/bin/sh", "-c", `. ${mood}; echo ${address}`],
      interval: "20ms",
      timeout: "1s",
      ...terms,
    });
    await feel("true");
    const { change, hosts, discovery } = watch();
    const emptied = listing("10.0.0.2:80", { failPolicy: "setempty" });
    await change(multi(listing("10.0.0.1:80", {}), emptied));
    const both = ["10.0.0.1", "10.0.0.2"];
    await eventually(() => expect(hosts()).toEqual(both));
    for (const [text, code] of [
      ["exit 3", "exit"],
      ["sleep 1000", "timeout"],
    ] as const) {
      await feel(text);
      const failed = { state: "failing", lastFailure: { code } };
      await eventually(() => expect(discovery.status()).toMatchObject([failed, failed]));
      expect(hosts()).toEqual(["10.0.0.1"]);
      await feel("true");
      await eventually(() => expect(hosts()).toEqual(both));
    }
  });

  test("a source that hangs withholds nothing of the others, and says so itself", async () => {
    const hanging = await startPages(() => undefined);
    const { change, discovery, delivered, events } = watch();
    const changed = change(multi(lines(hanging, { timeout: "300ms" }), fixed("10.0.0.1:80")));
    await eventually(() => expect(delivered).toEqual([["10.0.0.1"]]));
    await changed;
    expect(events).toEqual(["discovery.failed /discovery/sources/0 plaintext"]);
    expect(discovery.status()).toMatchObject([
      { pointer: "/discovery/sources/0", state: "failing", lastFailure: { code: "timeout" } },
      { pointer: "/discovery/sources/1", kind: "static", state: "fresh", backends: 1 },
    ]);
  });

  test("a change leaves what did not change alone, and keeps what a changed one named until it answers", async () => {
    const steady = await startPages(page("10.0.0.1:80"));
    const changed = await startPages(page("10.0.0.2:80"));
    const { change, hosts, delivered } = watch();
    await change(multi(lines(steady, { interval: "1h" }), lines(changed, { interval: "1h" })));
    expect(hosts()).toEqual(["10.0.0.1", "10.0.0.2"]);

    delivered.length = 0;
    changed.answer = page("", 500);
    await change(multi(lines(steady, { interval: "1h" }), lines(changed, { interval: "2h" })));
    expect(steady.requests.length).toBe(1);
    expect(hosts()).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(delivered.every((list) => list.includes("10.0.0.1"))).toBe(true);

    await change(lines(steady, { interval: "1h" }));
    expect(steady.requests.length).toBe(1);
    expect(hosts()).toEqual(["10.0.0.1"]);
  });

  test("F-DSC-10 stopping ends all fetches at once, also those under way", async () => {
    const hanging = await startPages(() => undefined);
    const { change, discovery, delivered } = watch();
    const changed = change(multi(lines(hanging, { timeout: "0" })));
    await eventually(() => hanging.requests.length === 1);
    discovery.stop();
    await changed;
    await eventually(() => hanging.open() === 0);
    expect(delivered).toEqual([]);
    expect(hanging.requests.length).toBe(1);
  });
});

test("sources that hang hold so many places and no more, and what is written down needs none", async () => {
  const hanging = await startPages(() => undefined);
  const { change, discovery, hosts } = watch();
  const sources = Array.from({ length: 15 }, (_, index) =>
    lines(hanging, { endpoint: `${hanging.origin}/${index}`, timeout: "1h" }),
  );
  void change(multi(...sources, fixed("10.0.0.1:80")));
  await eventually(() => expect(hosts()).toEqual(["10.0.0.1"]));
  await eventually(() => expect(hanging.open()).toBe(8));
  await throughout(() => expect(hanging.open()).toBe(8), { forMs: 200 });
  discovery.stop();
  await eventually(() => expect(hanging.open()).toBe(0));
  expect(hanging.requests.length).toBe(8);
});
