import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

test("monotonic time begins at the same moment in every thread", async () => {
  const source = `
    import { parentPort, workerData } from "node:worker_threads";
    const { systemClock } = await import(workerData);
    const clock = systemClock();
    parentPort.on("message", () => parentPort.postMessage(clock.monotonicMs()));
  `;
  const module = new URL("../../../shared/base/clock.ts", import.meta.url).href;
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: module,
  });
  onTestFinished(async () => {
    await thread.terminate();
  });
  const clock = systemClock();
  for (let round = 0; round < 3; round += 1) {
    const askedMs = clock.monotonicMs();
    thread.postMessage("now");
    const [theirsMs] = (await once(thread, "message")) as [number];
    expect(theirsMs).toBeGreaterThan(askedMs - 1);
    expect(theirsMs).toBeLessThan(clock.monotonicMs() + 1);
  }
});
