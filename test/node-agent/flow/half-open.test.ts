import { expect, test } from "vitest";

import { FetchRoom } from "../../../node-agent/discover/fetch-room.ts";
import { SourceMemory } from "../../../node-agent/discover/source-memory.ts";
import type { AddressClaims } from "../../../node-agent/engine/address-claims.ts";
import type { Address } from "../../../node-agent/engine/engine.ts";
import { RunningBalancer, type GoneBalancer } from "../../../node-agent/flow/running-balancer.ts";
import { spawnThread, type SpawnWorker } from "../../../node-agent/flow/spawn-thread.ts";
import type { Command } from "../../../node-agent/flow/worker-protocol.ts";
import { Workers } from "../../../node-agent/flow/workers.ts";
import { NodeChecks } from "../../../node-agent/health/node-checks.ts";
import { createCounterMemory } from "../../../node-agent/pool/counter-memory.ts";
import type { SlotRef } from "../../../node-agent/pool/pool-view.ts";
import { SlotLedger } from "../../../node-agent/pool/slot-ledger.ts";
import { WorkerCounters } from "../../../node-agent/pool/worker-counters.ts";
import { serve, startPlane, verified } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, silent, startBackend } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { spawnInline } from "../../support/inline-worker.ts";
import { openClient } from "../../support/test-client.ts";
import { testProbes } from "../../support/test-probes.ts";

test("no address is listened on before all are claimed: a start that fails lets nobody in", async () => {
  const told: Command[] = [];
  const under = await startPlane({ spawn: overheard((command) => void told.push(command)) });
  const taken = await startBackend(echo);
  const bind = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${taken.port}`];

  const outcome = await under.plane.start(verified({ bind, backends: [taken] }));

  expect(outcome).toMatchObject({ ok: false, problems: [{ pointer: "/bind/1" }] });
  expect(told.filter((command) => command.do === "listen")).toEqual([]);
});

test("whoever came in by one bind before another failed is reset and counted, and is gone when the start has failed", async () => {
  const { claims, spawn, letGo } = await heldListen();
  const under = await startPlane({ claims, spawn });
  const [backend, taken] = [await startBackend(silent), await startBackend(echo)];
  const open = await freePort();
  const bind = [`127.0.0.1:${open}`, `127.0.0.1:${taken.port}`];
  const balancer = verified({ bind, backends: [backend] });

  const starting = under.plane.start(balancer);
  await eventually(async () => (await openClient(open)).errorCode === undefined);
  const client = await openClient(open);
  await eventually(() => backend.sockets.size >= 2);
  letGo(taken.port);

  expect(await starting).toMatchObject({ ok: false, problems: [{ pointer: "/bind/1" }] });
  expect(under.plane.status()).toEqual([]);
  expect(await under.plane.drain(1_000)).toEqual({ open: 0, cut: 0 });
  await client.isOver();
  expect(client.errorCode).toBe("ECONNRESET");
  await eventually(() => backend.sockets.size === 0);
  const [row] = under.plane.totals();
  expect(row).toMatchObject({ balancer: balancer.id, counters: { connections: backend.accepted } });
});

test("an update that fails resets whoever came in by its new binds, and nobody else", async () => {
  const { claims, spawn, letGo } = await heldListen();
  const under = await startPlane({ claims, spawn });
  const [backend, taken] = [await startBackend(silent), await startBackend(echo)];
  const web = await serve(under, { backends: [backend] });
  const staying = await openClient(web.port);
  const open = await freePort();
  const bind = [web.bind, `127.0.0.1:${open}`, `127.0.0.1:${taken.port}`];

  const updating = web.update({ bind, backends: [backend] });
  await eventually(async () => (await openClient(open)).errorCode === undefined);
  const leaving = await openClient(open);
  await eventually(() => backend.sockets.size >= 3);
  letGo(taken.port);

  expect(await updating).toMatchObject({ ok: false, problems: [{ pointer: "/bind/2" }] });
  await leaving.isOver();
  expect(leaving.errorCode).toBe("ECONNRESET");
  expect(staying.ended || staying.closed).toBe(false);
  expect(web.status().binds).toEqual([web.bind]);
  await eventually(() => web.status().openConnections === 1);
});

test("a bind that was closed to make room is the same as before, also for those who came in by it", async () => {
  const denied = new Set<string>();
  const under = await startPlane({ claims: denying(denied) });
  const backend = await startBackend(silent);
  const [port, other] = [await freePort("::"), await freePort()];
  const given = { id: "bal_narrow", backends: [backend], drainTimeout: "0" };
  const wide = [`:${port}`, `127.0.0.1:${other}`];
  await under.plane.start(verified({ ...given, bind: wide }));
  await openClient(port);
  await eventually(() => backend.sockets.size === 1);

  denied.add("127.0.0.1").add("::");
  const narrow = verified({ ...given, bind: [`127.0.0.1:${port}`, `127.0.0.1:${other}`] });
  expect(await under.plane.update(narrow)).toMatchObject({ ok: false, problems: [{}, {}] });
  expect(under.plane.status()[0]?.binds).toEqual([`127.0.0.1:${other}`]);

  denied.delete("::");
  expect(await under.plane.update(narrow)).toMatchObject({ ok: false, problems: [{}] });
  expect(under.plane.status()[0]?.binds.toSorted()).toEqual(wide.toSorted());

  denied.clear();
  expect(await under.plane.update(verified({ ...given, bind: wide.slice(1) }))).toEqual({
    ok: true,
    connections: { kept: 0, drained: 0, cut: 1 },
  });
});

test("a client that a worker lets in at the last moment ends with its balancer, and no slot is lost", async () => {
  const clock = new FakeClock();
  const { running, ledger, gone, letIn } = await lonelyBalancer(clock);
  const available = ledger.available;

  await running.remove(0);
  expect(gone).toEqual([]);
  letIn.left();
  await clock.advanceSettled(1_000);

  expect(gone).toMatchObject([{ id: "bal_late" }]);
  expect(ledger.available).toBe(available + 1);
});

/** Grants every address without looking; listening on a backend's port waits until it is let go. */
async function heldListen() {
  const claims = denying(new Set());
  const waiting = new Map<number, () => void>();
  const ports = new Set<number>();
  const letGo = (port: number): void => {
    ports.add(port);
    waiting.get(port)?.();
  };
  const spawn: SpawnWorker = (init, ears) => {
    const thread = spawnThread(init, ears);
    return {
      ...thread,
      post: (command) => {
        const port = portListenedOn(command);
        if (port === undefined || isBelowBackends(port)) return thread.post(command);
        waiting.set(port, () => thread.post(command));
        if (ports.has(port)) thread.post(command);
      },
    };
  };
  return { claims, spawn, letGo };
}

/** Ports of `freePort` lie below those that the system gives to backends. */
function isBelowBackends(port: number): boolean {
  return port < 10_000;
}

function portListenedOn(command: Command): number | undefined {
  if (command.do !== "listen" || command.listening.kind === "datagrams") return undefined;
  return portOf(command.listening.options.address);
}

function portOf(address: Address): number | undefined {
  return address.kind === "tcp" ? address.port : undefined;
}

const held = {
  takeSockets: () => [],
  descriptor: () => undefined,
  release: () => undefined,
};

/** Grants addresses without looking, but for hosts that are denied. */
function denying(hosts: ReadonlySet<string>): AddressClaims {
  return {
    claim: (address) =>
      Promise.resolve(
        address.kind === "tcp" && hosts.has(address.host)
          ? { ok: false, code: "EADDRINUSE", detail: "denied" }
          : { ok: true, claim: { ...held, address } },
      ),
    isInherited: () => false,
    closeUnwanted: () => Promise.resolve([]),
  };
}

function overheard(hear: (command: Command) => void): SpawnWorker {
  return (init, ears) => {
    const thread = spawnThread(init, ears);
    return {
      ...thread,
      post: (command) => {
        hear(command);
        thread.post(command);
      },
    };
  };
}

/** A balancer whose slot a worker takes in the moment in which it is given back. */
async function lonelyBalancer(clock: FakeClock) {
  const memory = createCounterMemory({ workers: 1, slots: 8 });
  const counters = new WorkerCounters(memory, 0);
  const slots: SlotRef[] = [];
  class RacedLedger extends SlotLedger {
    override retire(slot: SlotRef): ReturnType<SlotLedger["retire"]> {
      if (slots.length === 0 && counters.acquire(slot, 0) === "acquired") slots.push(slot);
      return super.retire(slot);
    }
  }
  const ledger = new RacedLedger(memory);
  const workers = new Workers({
    engine: { driver: "portable" },
    clock,
    random: Math.random,
    spawn: spawnInline(clock),
    ledger,
    onNotices: () => undefined,
    onAccessLines: () => undefined,
    onLost: () => undefined,
    onReplaced: () => undefined,
  });
  await workers.started();
  const gone: GoneBalancer[] = [];
  const slot = ledger.allocate();
  if (slot === undefined) throw new Error("no slot");
  const running = new RunningBalancer(
    {
      clock,
      random: Math.random,
      ledger,
      checks: new NodeChecks({ clock, random: Math.random }),
      probes: testProbes(),
      rooms: { fetches: new FetchRoom(1), commands: new FetchRoom(1) },
      sourceMemory: new SourceMemory(clock),
      servedBefore: { has: () => false },
      workers,
      driver: "portable",
      claims: denying(new Set()),
      storedCertificates: undefined,
      loading: { stored: undefined, usualAuthorities: () => "" },
      ticketKeys: { keysFor: () => [] },
      inheritedBeliefs: {},
      certificateOf: () => undefined,
      logsAccess: false,
      nextListener: () => 1,
      tell: () => undefined,
      onGone: (one) => void gone.push(one),
    },
    { key: 1, slot },
    verified({ id: "bal_late", bind: [`127.0.0.1:${await freePort()}`] }),
  );
  await running.start();
  const left = (): void => {
    for (const held of slots) counters.release(held);
  };
  return { running, ledger, gone, letIn: { left } };
}
