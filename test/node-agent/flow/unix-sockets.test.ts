import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { crashable } from "../../support/crashable-plane.ts";
import { startPlane, verified } from "../../support/data-plane.ts";
import { bothDrivers, engineOf } from "../../support/drivers.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { Digesting, sendRandom } from "../../support/random-bytes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask, openClient } from "../../support/test-client.ts";

const often = { interval: "50ms", timeout: "5s", fails: 1, passes: 1 } as const;

describe.for(await bothDrivers())("with the $driver engine", ({ driver, missing }) => {
  test("X-TCP-28 a Unix socket is a backend: relayed, checked, counted by its name", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await startPlane({ engine: await engineOf(driver), workers: 2 });
    const path = join(await temporaryFolder(onTestFinished), "app.sock");
    const backend = await startBackend(echo, { path });
    const port = await freePort();
    const name = `unix:${path}`;
    const healthcheck = { kind: "ping", ...often } as const;
    const web = verified({ bind: [`127.0.0.1:${port}`], backends: [name], healthcheck });
    expect(await under.plane.start(web)).toMatchObject({ ok: true });

    const size = 5 * 1024 * 1024;
    const client = await openClient(port);
    const got = new Digesting(client.socket);
    const { digest } = await sendRandom(client.socket, size, { end: true });
    await client.isOver();
    expect([got.bytes, got.digest()]).toEqual([size, digest]);

    const status = () => under.plane.status()[0]?.backends[0];
    await eventually(() => status()?.totals.rxBytes === size);
    expect(status()).toMatchObject({ name, isLive: true, totals: { txBytes: size } });
    await backend.stop();
    await eventually(() => status()?.isLive === false);
    expect(under.plane.status()[0]?.backends).toHaveLength(1);
  });

  test("X-TCP-28 a listener can be a Unix socket, in front of another one", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const under = await startPlane({ engine: await engineOf(driver), workers: 2 });
    const folder = await temporaryFolder(onTestFinished);
    const [front, back] = [join(folder, "front.sock"), join(folder, "back.sock")];
    await startBackend(greet("from the back"), { path: back });
    const balancer = verified({ bind: [`unix:${front}`], backends: [`unix:${back}`] });
    expect(await under.plane.start(balancer)).toMatchObject({ ok: true });

    expect(await ask({ path: front })).toBe("from the back");

    await under.plane.remove(balancer.id, 0);
    expect((await openClient({ path: front })).errorCode).toBe("ENOENT");
  });

  test("X-TCP-28 a Unix socket whose worker died is listened on by the next one", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const { under, crash } = await crashable(2, { engine: await engineOf(driver) });
    const folder = await temporaryFolder(onTestFinished);
    const path = join(folder, "front.sock");
    const backend = await startBackend(greet("here"));
    const balancer = verified({ bind: [`unix:${path}`], backends: [backend] });
    expect(await under.plane.start(balancer)).toMatchObject({ ok: true });
    for (let death = 1; death <= 2; death += 1) {
      crash(0);
      await eventually(() => under.ofKind("worker.replaced").length === death);
      await eventually(async () => (await ask({ path })) === "here");
    }
    expect(under.ofKind("listener.lost")).toEqual([]);

    await under.plane.remove(balancer.id, 0);
    await eventually(async () => (await readdir(folder)).length === 0);
  });

  test("X-TCP-28 what a replaced worker cannot listen on is tried again, and takes nothing else with it", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const { under, crash } = await crashable(1, { engine: await engineOf(driver) });
    const folder = await temporaryFolder(onTestFinished);
    const path = join(folder, "front.sock");
    const port = await freePort();
    const backend = await startBackend(greet("here"));
    const bind = [`unix:${path}`, `127.0.0.1:${port}`];
    expect(await under.plane.start(verified({ bind, backends: [backend] }))).toMatchObject({
      ok: true,
    });
    await rename(folder, join(await temporaryFolder(onTestFinished), "away"));
    crash(0);
    await eventually(() => under.ofKind("listener.lost").length === 1);
    await eventually(async () => (await ask(port)) === "here");

    await mkdir(folder);
    await eventually(() => under.ofKind("listener.recovered").length === 1);

    expect([await ask({ path }), await ask(port)]).toEqual(["here", "here"]);
    expect(under.ofKind("listener.lost")).toHaveLength(1);
  });

  test("X-TCP-28 a Unix socket where nobody listens is a failed dial, and another backend is tried", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const under = await startPlane({ engine: await engineOf(driver) });
    const path = join(await temporaryFolder(onTestFinished), "nobody.sock");
    const other = await startBackend(greet("other"));
    const port = await freePort();
    const strategy = "roundrobin";
    const backends = [{ host: `unix:${path}`, port: 0 }, other];
    const web = verified({ bind: [`127.0.0.1:${port}`], strategy, backends });
    await under.plane.start(web);

    expect([await ask(port), await ask(port)]).toEqual(["other", "other"]);
    await eventually(() => under.ofKind("dials.failed").length > 0);
    expect(under.ofKind("dials.failed")[0]).toMatchObject({
      backend: `unix:${path}`,
      code: "ENOENT",
    });
  });
});

test("X-TCP-28 a page of a Unix socket can be checked", async () => {
  const under = await startPlane();
  const path = join(await temporaryFolder(onTestFinished), "page.sock");
  const hosts: string[] = [];
  await startBackend(
    (socket) => {
      socket.once("data", (data: Buffer) => {
        hosts.push(/^host: (.*)\r$/im.exec(data.toString("latin1"))?.[1] ?? "");
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      });
    },
    { path },
  );
  const healthcheck = { kind: "http", ...often, waitForFirstResult: true } as const;
  const bind = [`127.0.0.1:${await freePort()}`];
  await under.plane.start(verified({ bind, backends: [`unix:${path}`], healthcheck }));

  await eventually(() => under.plane.status()[0]?.backends[0]?.isLive === true);
  expect(hosts[0]).toBe("localhost");
});
