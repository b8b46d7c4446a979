import { describe, expect, test } from "vitest";

import type { BalancerInput } from "#shared/definition/balancer.ts";

import { serve, startPlane } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend, type FakeBackend } from "../../support/fake-backend.ts";
import { greetedAs } from "../../support/greeted-as.ts";
import { reasonLog } from "../../support/reason-log.ts";
import { startRecording } from "../../support/recording-backend.ts";
import { ask, openClient, type TestClient } from "../../support/test-client.ts";

type Managed = NonNullable<BalancerInput["managedBackends"]>[number];

function managed({ port }: Pick<FakeBackend, "port">, given: Partial<Managed> = {}): Managed {
  return { host: "127.0.0.1", port, ...given };
}

function nameOf({ port }: Pick<FakeBackend, "port">): string {
  return `127.0.0.1:${port}`;
}

test("X-DSC-11 without any source, backends are added, changed and taken away one by one", async () => {
  const under = await startPlane();
  const [one, other] = [await startBackend(greet("one")), await startBackend(greet("other"))];
  const strategy = "roundrobin";
  const web = await serve(under, { strategy, managedBackends: [] });
  expect(await ask(web.port)).toBe("");

  await web.update({ strategy, managedBackends: [managed(one)] });
  expect(await ask(web.port)).toBe("one");

  const more = [managed(one), managed(other, { weight: 5, maxConnections: 7 })];
  await web.update({ strategy, managedBackends: more });
  expect(new Set([await ask(web.port), await ask(web.port)])).toEqual(new Set(["one", "other"]));
  expect(web.backend(nameOf(other))).toMatchObject({ weight: 5, maxConnections: 7, priority: 1 });

  await web.update({ strategy, managedBackends: [managed(other)] });
  for (let index = 0; index < 4; index += 1) expect(await ask(web.port)).toBe("other");
});

test("X-DSC-11 X-PRX-06 a managed backend says which protocols it serves and whether it takes the PROXY header, as a listed one does", async () => {
  const under = await startPlane();
  const [listed, own] = [await startBackend(greet("listed")), await startBackend(greet("own"))];
  const backends = [{ host: "127.0.0.1", port: listed.port, sni: "a.test", alpn: ["http/1.1"] }];
  const given = { sni: {}, backends };
  const modern = managed(own, { sni: "a.test", alpn: ["h2"] });
  const web = await serve(under, { ...given, managedBackends: [modern] });
  const offering = (protocol: string) =>
    greetedAs(web.port, { name: "a.test", protocols: [protocol] });
  expect([await offering("h2"), await offering("http/1.1")]).toEqual(["own", "listed"]);
  const moved = [managed(own, { sni: "a.test" }), managed(listed, { alpn: ["h2"] })];
  await web.update({ ...given, managedBackends: moved });
  expect([await offering("h2"), await offering("http/1.1")]).toEqual(["listed", "own"]);

  const recording = await startRecording();
  const announcing = { proxyProtocol: { version: "1" as const }, backends: [] };
  const proxied = await serve(under, {
    ...announcing,
    managedBackends: [managed(recording.backend, { proxyProtocol: false })],
  });
  expect(await ask(proxied.port, "plain")).toBe("got");
  await proxied.update({ ...announcing, managedBackends: [managed(recording.backend)] });
  expect(await ask(proxied.port, "told")).toBe("got");
  expect(recording.clients.map(String)).toEqual([
    "plain",
    expect.stringMatching(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\ntold$/),
  ]);
});

test("X-DSC-11 beside a source: what is managed wins, what it leaves out the source says, an override adds nobody", async () => {
  const under = await startPlane();
  const [listed, added] = [await startBackend(greet("listed")), await startBackend(greet("added"))];
  const backends = [{ host: "127.0.0.1", port: listed.port, weight: 3, priority: 2 }];
  const web = await serve(under, {
    backends,
    managedBackends: [
      managed(listed, { priority: 1 }),
      managed(added, { priority: 1 }),
      managed({ port: 9 }, { override: true }),
    ],
  });

  expect(
    web
      .status()
      .backends.map(({ name }) => name)
      .toSorted(),
  ).toEqual([nameOf(listed), nameOf(added)].toSorted());
  expect(web.backend(nameOf(listed))).toMatchObject({ weight: 3, priority: 1 });

  await web.update({ backends: [], managedBackends: [managed(listed, { override: true })] });
  expect(await ask(web.port)).toBe("");
});

test("X-DSC-11 a disabled backend gets no new connections, the open ones go on, and enabling it brings it back", async () => {
  const under = await startPlane();
  const [resting, working] = [await startBackend(echo), await startBackend(greet("working"))];
  const backends = [resting];
  const web = await serve(under, { backends });
  const client = await openClient(web.port);
  client.send("one");
  await client.receives(3);

  const disabled = [managed(resting, { override: true, state: "disabled" }), managed(working)];
  await web.update({ backends, managedBackends: disabled });
  for (let index = 0; index < 10; index += 1) expect(await ask(web.port)).toBe("working");
  client.send(" two");
  await client.receives(7);
  expect(web.backend(nameOf(resting))).toMatchObject({ state: "disabled", activeConnections: 1 });

  const enabled = [managed(resting), managed(working, { state: "disabled" })];
  await web.update({ backends, managedBackends: enabled });
  const second = await openClient(web.port);
  second.send("back");
  await second.receives(4);
  expect(web.backend(nameOf(resting))).toMatchObject({ state: "enabled" });
});

describe.for(await bothDrivers())("with the $driver engine", ({ driver, missing }) => {
  test("X-DSC-11 a draining backend gets no new connections; at its deadline the open ones are closed with their reason", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const { accessLog, reasons } = reasonLog();
    const under = await startPlane({ engine: await engineOf(driver), workers: 2, accessLog });
    const [leaving, staying] = [await startBackend(echo), await startBackend(greet("staying"))];
    const given = { accessLog: {}, backends: [leaving] };
    const web = await serve(under, given);
    const clients = await openMany(web.port, 6);

    const draining = managed(leaving, { state: "draining", drainTimeout: "700ms" });
    await web.update({ ...given, managedBackends: [draining, managed(staying)] });

    for (const client of clients) {
      client.send("alive");
      await client.receives(10);
    }
    expect(await ask(web.port)).toBe("staying");
    expect(leaving.accepted).toBe(6);
    await Promise.all(clients.map((client) => client.isOver()));
    const isDrained = (): boolean => reasons.filter((reason) => reason === "drained").length === 6;
    await eventually(isDrained);
    expect(under.ofKind("backend.drained")).toMatchObject([{ backend: nameOf(leaving), cut: 6 }]);
  });

  test("X-DSC-11 a backend that is cut has its connections reset at once", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const { accessLog, reasons } = reasonLog();
    const under = await startPlane({ engine: await engineOf(driver), workers: 2, accessLog });
    const [broken, staying] = [await startBackend(echo), await startBackend(echo)];
    const given = { accessLog: {}, strategy: "roundrobin", backends: [broken, staying] } as const;
    const web = await serve(under, given);
    await openMany(web.port, 8);
    await eventually(() => broken.sockets.size === 4 && staying.sockets.size === 4);

    await web.update({ ...given, managedBackends: [managed(broken, { state: "cut" })] });

    await eventually(() => broken.sockets.size === 0 && reasons.length === 4);
    expect(new Set(reasons)).toEqual(new Set(["backend-lost"]));
    expect(staying.sockets.size).toBe(4);
  });
});

test("X-DSC-11 a drain counts from its beginning whatever else changes, and goes on when the backend is taken away", async () => {
  const under = await startPlane();
  const [leaving, staying] = [await startBackend(echo), await startBackend(echo)];
  const web = await serve(under, { managedBackends: [managed(leaving)] });
  const [client] = await openMany(web.port, 1);
  const draining = (over: Partial<Managed>): Managed[] => [
    managed(leaving, { state: "draining", ...over }),
    managed(staying),
  ];

  await web.update({ managedBackends: draining({ drainTimeout: "1h" }) });
  await web.update({ managedBackends: draining({ drainTimeout: "1h", weight: 2 }) });
  expect(client?.closed).toBe(false);
  await web.update({ managedBackends: draining({ drainTimeout: "300ms" }) });
  await web.update({ managedBackends: [managed(staying)] });

  await client?.isOver();
  await eventually(() => under.ofKind("backend.drained").length === 1);
  await eventually(() => leaving.sockets.size === 0);
});

async function openMany(port: number, count: number): Promise<readonly TestClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => openClient(port)));
  for (const client of clients) client.send("hello");
  await Promise.all(clients.map((client) => client.receives(5)));
  return clients;
}
