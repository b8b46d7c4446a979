import { expect, test } from "vitest";

import { bestRound, timed } from "../../support/best-round.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { clientHelloBytes } from "../../support/client-hello-bytes.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend } from "../../support/fake-backend.ts";
import { openClient, type TestClient } from "../../support/test-client.ts";

const timeoutMs = 2_500;
const timeout = "2500ms";
const offMsMax = timeoutMs / 10;

/** How far from the timeout, counted from now, a client is closed: milliseconds. */
async function closesOffMs(client: TestClient): Promise<number> {
  return Math.abs((await timed(() => client.isOver())) - timeoutMs);
}

test("F-TCP-07 a black-holed backend fails after the balancer's connect timeout, within 10 %", async () => {
  const under = await startPlane();
  const hole = await startBlackHole();
  const limits = { backendConnectionTimeout: timeout };
  const offMs = await bestRound(offMsMax, async () => {
    const web = await serve(under, { backends: [hole], limits });
    const off = await closesOffMs(await openClient(web.port));
    expect(web.status().totals).toMatchObject({ refused: 1, connections: 0 });
    return off;
  });
  expect(offMs).toBeLessThanOrEqual(offMsMax);
  await eventually(() => under.ofKind("dials.failed").length > 0);
  expect(under.ofKind("dials.failed")[0]).toMatchObject({ code: "ETIMEDOUT" });
});

test("F-TCP-04 F-TCP-05 a balancer's idle timeouts close silent connections, within 10 %", async () => {
  const under = await startPlane();
  const backend = await startBackend(silent);
  for (const limits of [{ clientIdleTimeout: timeout }, { backendIdleTimeout: timeout }]) {
    const web = await serve(under, { backends: [backend], limits });
    const offMs = await bestRound(offMsMax, async () => closesOffMs(await openClient(web.port)));
    expect(offMs).toBeLessThanOrEqual(offMsMax);
  }
});

test.for(await bothDrivers())(
  "F-SNI-09 a client that sends nothing is closed at the read timeout, within 10 %, and one that sends too little too ($driver)",
  async ({ driver, missing }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    const under = await startPlane({ engine: await engineOf(driver) });
    const backend = await startBackend(greet("served"));
    const web = await serve(under, { backends: [backend], sni: { readTimeout: timeout } });
    let rounds = 0;
    const offMs = await bestRound(offMsMax, async () => {
      rounds += 1;
      const quiet = await openClient(web.port);
      const slow = await openClient(web.port);
      slow.send(clientHelloBytes({ name: "a.test" }).subarray(0, 40));
      const offs = await Promise.all([closesOffMs(quiet), closesOffMs(slow)]);
      await eventually(() => web.status().openConnections === 0);
      expect(web.status().totals).toMatchObject({ rejected: 2 * rounds });
      return Math.max(...offs);
    });
    expect(offMs).toBeLessThanOrEqual(offMsMax);
    expect(backend.accepted).toBe(0);
    const reasons = () => under.ofKind("clients.turned-away").map(({ reason }) => reason);
    await eventually(() => expect(new Set(reasons())).toEqual(new Set(["hello-timeout"])));
  },
);
