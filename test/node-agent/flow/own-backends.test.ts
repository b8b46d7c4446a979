import { networkInterfaces } from "node:os";

import { expect, test } from "vitest";

import type { VerifiedBalancer } from "../../../node-agent/apply/flows.ts";
import { startPlane, verified, type PlaneUnderTest } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { page, startPages, type PageServer } from "../../support/page-server.ts";
import { ask } from "../../support/test-client.ts";

/** A balancer whose backends a page names. */
function paged(bind: string, { origin }: PageServer): VerifiedBalancer {
  const discovery = { kind: "plaintext", endpoint: origin, interval: "20ms" } as const;
  return verified({ bind: [bind], discovery });
}

async function started({ plane }: PlaneUnderTest, balancer: VerifiedBalancer): Promise<void> {
  expect(await plane.start(balancer)).toMatchObject({ ok: true });
}

/** An address of this host that is not loopback, if it has one. */
function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  const outer = all.find(({ internal, family }) => !internal && family === "IPv4");
  return outer?.address ?? "127.0.0.1";
}

test("a source that names the balancer itself costs no connection, and its other backends serve", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("here"));
  const port = await freePort();
  const own = [`127.0.0.1:${port}`, `[::1]:${port}`, `${outerAddress()}:${port}`];
  const pages = await startPages(page(own.join("\n")));
  const web = paged(`:${port}`, pages);
  await started(under, web);
  expect(await ask(port)).toBe("");
  const status = () => under.plane.status()[0];
  expect(status()).toMatchObject({
    backends: [],
    openConnections: 0,
    sources: [{ state: "failing", lastFailure: { code: "unusable" } }],
  });

  pages.answer = page([...own, `127.0.0.1:${backend.port}`].join("\n"));
  await eventually(() => expect(status()?.sources).toMatchObject([{ state: "fresh", skipped: 3 }]));
  // The worker has it a moment after the main thread.
  await eventually(async () => expect(await ask(port)).toBe("here"));
  for (let round = 0; round < 4; round += 1) {
    expect(await ask(port)).toBe("here");
  }
  expect(under.ofKind("discovery.skipped")).toMatchObject([
    { count: 3, detail: expect.stringContaining("is this balancer itself") },
  ]);
});

test("balancers of one node forward to one another in a chain", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("the end"));
  const [first, second, third] = [await freePort(), await freePort(), await freePort()];
  const chain = [
    [first, second],
    [second, third],
    [third, backend.port],
  ] as const;
  for (const [port, next] of chain) {
    const pages = await startPages(page(`127.0.0.1:${next}`));
    await started(under, paged(`:${port}`, pages));
  }
  expect(await ask(first)).toBe("the end");
  expect(under.plane.status().flatMap(({ sources }) => sources)).toMatchObject(
    chain.map(() => ({ state: "fresh", backends: 1, skipped: 0 })),
  );
});

test("one that moves to where its backend is lets go of it, and takes it again when it moves away", async () => {
  const under = await startPlane();
  const [here, there] = [await freePort(), await freePort()];
  const pages = await startPages(page(`127.0.0.1:${there}`));
  const web = paged(`127.0.0.1:${here}`, pages);
  await started(under, web);
  const names = () => under.plane.status()[0]?.backends.map(({ name }) => name);
  expect(names()).toEqual([`127.0.0.1:${there}`]);
  const movedTo = (port: number): VerifiedBalancer => ({
    ...web,
    definition: { ...web.definition, bind: [`127.0.0.1:${port}`] },
  });
  pages.answer = page("", 500);
  expect(await under.plane.update(movedTo(there))).toMatchObject({ ok: true });
  expect(names()).toEqual([]);
  pages.answer = page(`127.0.0.1:${there}`);
  expect(await under.plane.update(movedTo(here))).toMatchObject({ ok: true });
  await eventually(() => expect(names()).toEqual([`127.0.0.1:${there}`]));
});
