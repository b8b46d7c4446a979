import { existsSync, fstatSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import type { Address, Engine } from "../../../node-agent/engine/engine.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { findProgram, outputOf } from "../../support/run-command.ts";
import { startSuccessor, type Successor } from "../../support/successor.ts";
import { ask, openClient, type ClientTarget } from "../../support/test-client.ts";
import { startRelay, tcp, type EngineSubject, type Relay } from "./relay-rig.ts";

/** A listening socket goes to another process, and no client notices. */
export function takeoverCases(subject: EngineSubject): void {
  test.each(["tcp", "unix"] as const)(
    "a listening socket (%s) is taken over: nobody is refused, open connections stay",
    async (kind) => {
      const address = await addressOf(kind);
      const relay = await startRelay(alone(subject), tcp(await startBackend(echo)), {
        listen: address,
      });
      const staying = await openClient(targetOf(address, relay.port));
      staying.send("a");
      await eventually(() => staying.text() === "a");

      const successor = await succeed(relay, address, tcp(await startBackend(greet("second"))));
      expect(successor.outcome).toEqual({ ok: true, port: relay.port });

      expect(await ask(targetOf(address, relay.port))).toBe("second");
      staying.send("b");
      await eventually(() => staying.text() === "ab");
    },
  );

  test("clients that wait to be accepted meanwhile are accepted by the successor", async () => {
    const backend = await startBackend(greet("here"));
    const address = await addressOf("tcp");
    const relay = await startRelay(alone(subject), tcp(backend), { listen: address });
    const [engine] = relay.engines;
    const waiting: Promise<string>[] = [];
    // Opened before anybody else accepts, and after the first engine has stopped doing so.
    const successor = await succeed(relay, address, tcp(backend), () => {
      for (let count = 0; count < 50; count += 1) waiting.push(ask(relay.port));
    });

    expect(successor.outcome.ok).toBe(true);
    expect(engine?.descriptorOf(1)).toBeUndefined();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["here"]));
  });

  test("as many clients may wait to be accepted as before", async (context) => {
    if ((await findProgram("ss")) === undefined) return context.skip("no ss (Debian: iproute2)");
    const address = await addressOf("tcp");
    const target = tcp(await startBackend(echo));
    const relay = await startRelay(alone(subject), target, { listen: address });
    const before = await backlogOf(relay.port);

    await succeed(relay, address, target);

    expect([before, await backlogOf(relay.port)]).toEqual([1_024, 1_024]);
  });

  test("a Unix socket that was taken over is removed by the successor, in the end", async () => {
    const address = await addressOf("unix");
    const relay = await startRelay(alone(subject), tcp(await startBackend(echo)), {
      listen: address,
    });
    const successor = await succeed(relay, address, tcp(await startBackend(echo)));
    const path = address.kind === "unix" ? address.path : "";
    expect(existsSync(path)).toBe(true);

    await successor.unlisten();

    expect(existsSync(path)).toBe(false);
  });

  test("a descriptor that does not listen is refused, and a closed listener has none", async () => {
    const engine: Engine = subject.create({ clock: systemClock(), onEvents: () => undefined });
    onTestFinished(() => engine.stop());
    const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
    const options = { address, reusePort: false, backlog: 1 };

    expect(await engine.listen(1, { ...options, descriptor: 999_999 })).toMatchObject({
      ok: false,
    });
    expect(engine.descriptorOf(1)).toBeUndefined();
  });

  test("a descriptor for a listener that is open is refused, and stays its owner's", async () => {
    const owner = await startRelay(alone(subject), tcp(await startBackend(greet("owner"))));
    const relay = await startRelay(alone(subject), tcp(await startBackend(greet("first"))));
    const [descriptor] = owner.engines.map((engine) => engine.descriptorOf(1));
    const [engine] = relay.engines;
    if (descriptor === undefined || engine === undefined) throw new Error("nothing listens");
    const address = { kind: "tcp", host: "127.0.0.1", port: owner.port } as const;
    const options = { address, reusePort: false, backlog: 1, descriptor };

    expect(await engine.listen(1, options)).toMatchObject({ ok: false, code: "EEXIST" });

    expect(fstatSync(descriptor).isSocket()).toBe(true);
    expect([await ask(owner.port), await ask(relay.port)]).toEqual(["owner", "first"]);
  });

  /** The engine's listening socket goes to another process; then the engine gives it up. */
  async function succeed(
    relay: Relay,
    address: Address,
    target: Address,
    between: () => void = () => undefined,
  ): Promise<Successor> {
    const [engine] = relay.engines;
    if (engine === undefined) throw new Error("no engine");
    const { driver } = engine;
    const successor = startSuccessor(engine.descriptorOf(1), { driver, address, target });
    await engine.unlisten(1, { keepsAddress: true });
    between();
    return successor;
  }
}

/** How many clients may wait on a port of this host. */
async function backlogOf(port: number): Promise<number> {
  const line = await outputOf(["ss", "-Hltn", `sport = :${port}`]);
  return Number(line.trim().split(/\s+/)[2]);
}

function alone(subject: EngineSubject): EngineSubject {
  return { ...subject, engines: 1 };
}

async function addressOf(kind: Address["kind"]): Promise<Address> {
  if (kind === "tcp") return { kind, host: "127.0.0.1", port: 0 };
  const folder = await mkdtemp(join(tmpdir(), "midstream-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { kind, path: join(folder, "socket") };
}

function targetOf(address: Address, port: number): ClientTarget {
  return address.kind === "unix" ? { path: address.path } : port;
}
