import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { startRelay, tcp, type EngineSubject } from "./relay-rig.ts";

const anyPort = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** Addresses are taken, told, refused with the system's reason, and given back. */
export function listenCases(subject: EngineSubject): void {
  function engineAlone(): ReturnType<EngineSubject["create"]> {
    const engine = subject.create({ clock: systemClock(), onEvents: () => undefined });
    onTestFinished(() => engine.stop());
    return engine;
  }

  test("an accepted connection tells its listener and both of its addresses", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);

    expect(await relay.first("accepted")).toMatchObject({
      listener: 1,
      peer: {
        address: "127.0.0.1",
        port: client.socket.localPort,
        localAddress: "127.0.0.1",
        localPort: relay.port,
      },
    });
  });

  test("F-TCP-11 the wildcard accepts IPv4 and IPv6, and shows IPv4 clients as such", async () => {
    const backend = await startBackend(greet("both"));
    const listen = { kind: "tcp", host: "::", port: 0 } as const;
    const relay = await startRelay({ ...subject, engines: 1 }, tcp(backend), { listen });

    expect(await ask({ host: "127.0.0.1", port: relay.port })).toBe("both");
    expect(await ask({ host: "::1", port: relay.port })).toBe("both");
    const addresses = relay.ofKind("accepted").map((event) => event.peer.address);
    expect(addresses).toEqual(["127.0.0.1", "::1"]);
  });

  test.each(["127.0.0.1", "::1"])("F-TCP-11 a bind of %s accepts only its own", async (host) => {
    const backend = await startBackend(greet("mine"));
    const listen = { kind: "tcp", host, port: 0 } as const;
    const relay = await startRelay({ ...subject, engines: 1 }, tcp(backend), { listen });
    const other = host === "::1" ? "127.0.0.1" : "::1";

    expect(await ask({ host, port: relay.port })).toBe("mine");
    const refused = await openClient({ host: other, port: relay.port });
    expect(refused.errorCode).toBe("ECONNREFUSED");
  });

  test("a listener that is open already stays as it is", async () => {
    const engine = engineAlone();
    const options = { address: anyPort, reusePort: false, backlog: 16 };
    const first = await engine.listen(1, options);
    expect(await engine.listen(1, options)).toEqual(first);
  });

  test("an engine that has stopped refuses to listen", async () => {
    const engine = engineAlone();
    await engine.stop();
    const outcome = await engine.listen(1, { address: anyPort, reusePort: false, backlog: 16 });
    expect(outcome).toMatchObject({ ok: false, code: "ECANCELED" });
    expect(engine.descriptorOf(1)).toBeUndefined();
  });

  test("an address that somebody else has is EADDRINUSE", async () => {
    const taken = await startBackend(echo);
    const outcome = await engineAlone().listen(1, {
      address: { ...anyPort, port: taken.port },
      reusePort: subject.engines > 1,
      backlog: 16,
    });
    expect(outcome).toMatchObject({ ok: false, code: "EADDRINUSE" });
  });

  test("an address that the node does not have is EADDRNOTAVAIL", async () => {
    const address = { ...anyPort, host: "192.0.2.1" };
    const outcome = await engineAlone().listen(1, { address, reusePort: false, backlog: 16 });
    expect(outcome).toMatchObject({ ok: false, code: "EADDRNOTAVAIL" });
  });

  test("unlisten frees the address at once and leaves connections alone", async () => {
    const backend = await startBackend(echo);
    const relay = await startRelay(subject, tcp(backend));
    const client = await openClient(relay.port);
    await relay.first("connected");

    await Promise.all(relay.engines.map((engine) => engine.unlisten(1)));

    const late = await openClient(relay.port);
    expect(late.errorCode).toBe("ECONNREFUSED");
    const successor = createServer().listen({ host: "127.0.0.1", port: relay.port });
    onTestFinished(() => {
      successor.close();
    });
    await once(successor, "listening");
    client.send("still here");
    await client.receives(10);
    await engineAlone().unlisten(42);
  });

  test("a Unix socket is listened on, and connected to, and is gone afterwards", async () => {
    const folder = await mkdtemp(join(tmpdir(), "midstream-unix-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await startBackend(greet("unix"), { path: join(folder, "backend.sock") });
    const listen = { kind: "unix", path: join(folder, "front.sock") } as const;
    const target = { kind: "unix", path: join(folder, "backend.sock") } as const;
    const relay = await startRelay(subject, target, { listen });

    expect(await ask({ path: listen.path })).toBe("unix");
    expect((await relay.first("accepted")).peer).toMatchObject({ address: "", port: 0 });
    await relay.closed(1);
    await relay.engines[0]?.unlisten(1);
    expect(existsSync(listen.path)).toBe(false);
  });

  test("a connection over Unix sockets can be aborted", async () => {
    const folder = await mkdtemp(join(tmpdir(), "midstream-unix-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await startBackend(echo, { path: join(folder, "backend.sock") });
    const listen = { kind: "unix", path: join(folder, "front.sock") } as const;
    const target = { kind: "unix", path: join(folder, "backend.sock") } as const;
    const relay = await startRelay(subject, target, { listen });
    const client = await openClient({ path: listen.path });
    const { connection } = await relay.first("connected");

    relay.engines[0]?.close(connection, "abort", "removed");

    await client.isOver();
    expect((await relay.closed(1))[0]).toMatchObject({ reason: "removed" });
  });
}
