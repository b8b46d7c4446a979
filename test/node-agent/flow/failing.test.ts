import { copyFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { workerAnswerMsMax } from "#shared/base/limits.ts";

import { agentVersion } from "../../../node-agent/agent-version.ts";
import { chooseEngine } from "../../../node-agent/engine/choose-engine.ts";
import { spawnThread, type SpawnWorker } from "../../../node-agent/flow/spawn-thread.ts";
import { crashable } from "../../support/crashable-plane.ts";
import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, silent, startBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { findNative } from "../../support/native-engine.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { ask, openClient } from "../../support/test-client.ts";

describe.each([1, 3])("a start that fails, on %i worker(s)", (workers) => {
  test("names every bind that is taken, with its pointer, and leaves nothing behind", async () => {
    const under = await startPlane({ workers });
    const taken = await startBackend(echo);
    const [free, other] = [await freePort(), await freePort()];
    const before = openSockets();
    const bind = [
      `127.0.0.1:${free}`,
      `127.0.0.1:${taken.port}`,
      `192.0.2.1:${other}`,
      `127.0.0.1:${other}`,
    ];
    const backend = await startBackend(greet("hi"));

    const outcome = await under.plane.start(verified({ bind, backends: [backend] }));

    expect(outcome).toMatchObject({
      ok: false,
      problems: [
        { pointer: "/bind/1", code: "EADDRINUSE" },
        { pointer: "/bind/2", code: "EADDRNOTAVAIL" },
      ],
    });
    expect([under.plane.status(), under.plane.totals()]).toEqual([[], []]);
    for (const port of [free, other]) {
      expect((await openClient(port)).errorCode).toBe("ECONNREFUSED");
    }
    await eventually(() => openSockets() <= before + 1);
    const again = verified({ bind: [`127.0.0.1:${free}`], backends: [backend] });
    expect((await under.plane.start(again)).ok).toBe(true);
    expect(await ask(free)).toBe("hi");
  });

  test("a second agent on the host gets EADDRINUSE, though workers share addresses", async () => {
    const [first, second] = [await startPlane({ workers }), await startPlane({ workers })];
    const backend = await startBackend(greet("first"));
    const web = await serve(first, { backends: [backend] });

    const outcome = await second.plane.start(verified({ bind: [web.bind], backends: [backend] }));

    expect(outcome).toMatchObject({
      ok: false,
      problems: [{ pointer: "/bind/0", code: "EADDRINUSE" }],
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(web.port)));
    expect(new Set(answers)).toEqual(new Set(["first"]));
  });

  test("an update that cannot bind changes nothing", async () => {
    const under = await startPlane({ workers });
    const [backend, other] = [await startBackend(echo), await startBackend(greet("other"))];
    const web = await serve(under, { backends: [backend] });
    const client = await openClient(web.port);
    client.send("one");
    await client.receives(3);
    const before = web.status();

    const bind = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${other.port}`];
    const outcome = await web.update({ bind, backends: [other] });

    expect(outcome).toMatchObject({
      ok: false,
      problems: [{ pointer: "/bind/1", code: "EADDRINUSE" }],
    });
    expect(web.status().binds).toEqual(before.binds);
    client.send("two");
    await client.receives(6);
    expect(await ask(web.port, "still echo")).toBe("still echo");
  });
});

test("what the data plane cannot do is refused by name, with its pointer", async () => {
  const under = await startPlane();
  const port = await freePort();
  const bind = [`127.0.0.1:${port}`];
  const tls = { certificates: [{ acme: { hosts: ["a.test"] } }] };
  const lacking = {
    pointer: "/tls/certificates/0",
    code: "unsupported",
    detail: "needs certificate:acme",
  };
  const outcome = await under.plane.start(verified({ bind, protocol: "tls", tls }));
  expect(outcome).toMatchObject({ ok: false });
  expect(outcome).toHaveProperty("problems", expect.arrayContaining([lacking]));
  const web = await serve(under, { backends: [] });
  const updated = await web.update({ protocol: "tls", tls });
  expect(updated).toHaveProperty("problems", expect.arrayContaining([lacking]));
});

test("a call for a balancer that does not run, or runs already, is a defect of the caller", async () => {
  const under = await startPlane();
  const web = await serve(under, { backends: [] });
  const again = verified({ id: web.id, bind: [web.bind] });
  await expect(under.plane.start(again)).rejects.toMatchObject({ code: "flow/out-of-order" });
  await expect(under.plane.remove("bal_none", 0)).rejects.toMatchObject({
    code: "flow/out-of-order",
  });
});

describe.each([1, 3])("a worker that throws, of %i", (workers) => {
  test("is replaced; its connections are off the counters, and the others do not notice", async () => {
    const { under, crash } = await crashable(workers);
    const backend = await startBackend(silent);
    const web = await serve(under, { backends: [backend], limits: { maxConnections: 30 } });
    const clients = await Promise.all(Array.from({ length: 30 }, () => openClient(web.port)));
    await eventually(() => web.status().backends[0]?.activeConnections === 30);

    crash(0);
    await eventually(() => under.ofKind("worker.replaced").length === 1);

    const [lost] = under.ofKind("worker.lost");
    expect(lost?.worker).toBe(0);
    const left = 30 - (lost?.connections ?? 0);
    await eventually(
      () => clients.filter((client) => !client.closed && !client.ended).length === left,
    );
    expect(web.status()).toMatchObject({
      openConnections: left,
      backends: [{ activeConnections: left, totals: { connections: 30 } }],
    });
    if (workers === 1) expect(left).toBe(0);

    const fresh = 30 - left;
    await eventually(async () => (await openClient(web.port)).errorCode === undefined);
    await Promise.all(Array.from({ length: fresh }, () => openClient(web.port)));
    await eventually(() => web.status().openConnections === 30);
    await eventually(() => backend.sockets.size === 30);
  });

  test("a balancer that changed while its worker was away serves in its new form", async () => {
    const { under, crash } = await crashable(workers);
    const [before, after] = [
      await startBackend(greet("before")),
      await startBackend(greet("after")),
    ];
    const web = await serve(under, { backends: [before] });

    crash(0);
    const outcome = await web.update({ backends: [after] });

    expect(outcome.ok).toBe(true);
    await eventually(() => under.ofKind("worker.replaced").length === 1);
    await eventually(async () => (await ask(web.port)) === "after");
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(web.port)));
    expect(new Set(answers)).toEqual(new Set(["after"]));
  });
});

test("a worker that dies again and again is replaced with growing pauses, and serves in the end", async () => {
  const { under, crash } = await crashable(1);
  const backend = await startBackend(greet("here"));
  const web = await serve(under, { backends: [backend] });
  for (let death = 1; death <= 4; death += 1) {
    crash(0);
    await eventually(() => under.ofKind("worker.replaced").length === death);
  }
  await eventually(async () => (await ask(web.port)) === "here");
  expect(under.ofKind("worker.lost")).toHaveLength(4);
});

test("an addon whose file is gone, or another one by now, is what a replaced worker runs on", async (context) => {
  const native = await findNative();
  if (native.kind === "none") return context.skip(native.why);
  const file = join(await temporaryFolder(onTestFinished), "addon.node");
  await copyFile(native.file, file);
  const chosen = chooseEngine("native", file);
  if (!chosen.ok) throw new Error(chosen.detail);
  const { under, crash } = await crashable(1, { engine: chosen.choice });
  const backend = await startBackend(greet("here"));
  const web = await serve(under, { backends: [backend] });

  await rm(file);
  crash(0);
  await eventually(() => under.ofKind("worker.replaced").length === 1);
  await eventually(async () => (await ask(web.port)) === "here");

  await writeFile(file, "half an upgrade");
  crash(0);
  await eventually(() => under.ofKind("worker.replaced").length === 2);
  await eventually(async () => (await ask(web.port)) === "here");
  expect(under.plane.driver).toBe("native");
});

test("a replacement out of another version's files is refused, and told once while no worker is left", async () => {
  let isUpgraded = false;
  const { under, crash } = await crashable(1, {
    spawn: (init, ears) =>
      spawnThread(isUpgraded ? { ...init, agentVersion: "0.0.1" } : init, ears),
  });
  const web = await serve(under, { backends: [await startBackend(greet("here"))] });
  expect(under.plane.workers()).toEqual({ wanted: 1, present: 1, lastLoss: null });

  isUpgraded = true;
  crash(0);
  await eventually(() => under.ofKind("worker.lost").length >= 3);

  const why = `the agent is version 0.0.1, and its files are ${agentVersion} now: restart it`;
  expect(under.plane.workers()).toEqual({ wanted: 1, present: 0, lastLoss: why });
  expect(under.ofKind("serving.halted")).toHaveLength(1);
  expect(under.ofKind("serving.resumed")).toEqual([]);

  isUpgraded = false;
  await eventually(() => under.ofKind("serving.resumed").length === 1);
  expect(under.plane.workers()).toMatchObject({ wanted: 1, present: 1 });
  await eventually(async () => (await ask(web.port)) === "here");
});

test("one worker of several is no halt", async () => {
  const { under, crash } = await crashable(2);
  crash(0);
  await eventually(() => under.ofKind("worker.replaced").length === 1);
  expect(under.ofKind("serving.halted")).toEqual([]);
});

test("workers that cannot start at all are told as a fault", async () => {
  const clock = new FakeClock();
  const spawn: SpawnWorker = (_init, ears) => {
    setImmediate(() => ears.onExit(new Error("no memory")));
    return { post: () => undefined, terminate: () => Promise.resolve() };
  };
  const starting = expect(startPlane({ clock, spawn })).rejects.toMatchObject({
    code: "flow/workers-not-started",
  });
  for (let step = 0; step < 100; step += 1) await clock.advanceSettled(workerAnswerMsMax / 100);
  await starting;
});

test("a port that a connection of this host had before can be listened on", async () => {
  const under = await startPlane();
  const backend = await startBackend(echo);
  const web = await serve(under, { backends: [backend] });
  const socket = connect({ port: web.port });
  onTestFinished(() => {
    socket.destroy();
  });
  await eventually(() => web.status().openConnections === 1);
  await under.plane.remove(web.id, 0);
  const again = await under.plane.start(verified({ bind: [web.bind], backends: [backend] }));
  expect(again.ok).toBe(true);
});
