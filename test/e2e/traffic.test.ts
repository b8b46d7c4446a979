import { createHash } from "node:crypto";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { echo, greet, startBackend, type BackendBehaviour } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { scaled } from "../support/scale.ts";
import {
  createBalancer,
  removeBalancer,
  statsOf,
  updateBalancer,
} from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";
import { ask, openClient } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

async function tenantWithNode(): Promise<TestTenant> {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  return tenant;
}

describe("traffic while something else happens", () => {
  test("a backend dies and comes back: clients are answered all the time, by those that live", async () => {
    const tenant = await tenantWithNode();
    const steady = await startBackend(greet("steady"));
    const shaky = await startBackend(greet("shaky"));
    const port = await freePort();
    const ports = [steady.port, shaky.port];
    const balancer = await createBalancer(tenant, { port, backends: ports });
    const twice = async () => new Set([await ask(port), await ask(port)]);
    expect(await twice()).toEqual(new Set(["steady", "shaky"]));

    await shaky.stop();
    // From its first moment on: a dial that fails is tried on another backend.
    for (let sent = 0; sent < 20; sent += 1) expect(await ask(port)).toBe("steady");
    const liveOf = async (): Promise<readonly number[]> => {
      const { backends } = await statsOf(tenant, balancer);
      return ports.map(
        (backendPort) =>
          backends.find(({ backend }) => backend.endsWith(`:${backendPort}`))?.live ?? -1,
      );
    };
    await eventually(async () => expect(await liveOf()).toEqual([1, 0]), { everyMs: 100 });

    await startBackend(greet("shaky again"), { port: shaky.port });
    await eventually(async () => expect(await twice()).toContain("shaky again"));
    await eventually(async () => expect(await liveOf()).toEqual([1, 1]), { everyMs: 100 });
  });

  test("a balancer is edited while a long transfer runs on it: every byte arrives", async ({
    annotate,
  }) => {
    const tenant = await tenantWithNode();
    const megabytes = scaled(100, 5);
    const sender = await startBackend(sendingInSteps(megabytes));
    const other = await startBackend(greet("other"));
    const port = await freePort();
    const options = { port, backends: [sender.port] };
    let balancer = await createBalancer(tenant, options);

    const client = await openClient(port);
    const digest = createHash("sha256");
    client.socket.on("data", (chunk: Buffer) => digest.update(chunk));
    let edits = 0;
    for (let megabyte = 0; megabyte < megabytes; megabyte += 1) {
      client.send("n");
      await client.receives((megabyte + 1) * megabyteBytes, 60_000);
      if (megabyte % Math.ceil(megabytes / 10) !== 0) continue;
      // Strategy, checks, limits and backends in turn; the last of them takes the sender away.
      const more = edits % 2 === 0 ? { strategy: "weight" } : { drainTimeout: "7s" };
      const backends = edits % 3 === 2 ? [other.port] : [sender.port, other.port];
      balancer = await updateBalancer(tenant, balancer, { ...options, backends, more });
      edits += 1;
    }
    client.send("e");
    await client.isOver();
    expect(client.receivedBytes).toBe(megabytes * megabyteBytes);
    expect(digest.digest("hex")).toBe(expectedDigest(megabytes));
    await annotate(`${megabytes} MB through ${edits} edits`, "measured");
  });

  test("a removed balancer takes no new connection and lets the open ones finish", async () => {
    const tenant = await tenantWithNode();
    const backend = await startBackend(echo);
    const port = await freePort();
    const balancer = await createBalancer(tenant, { port, backends: [backend.port] });
    const client = await openClient(port);
    client.send("before ");
    await client.receives(7);

    await removeBalancer(tenant, balancer);
    const late = await openClient(port);
    await eventually(() => late.errorCode === "ECONNREFUSED");
    client.send("after");
    await client.receives(12);
    client.finish();
    await client.isOver();
    expect(client.text()).toBe("before after");
  });

  test("a removed balancer cuts what is still open after its drain timeout", async () => {
    const tenant = await tenantWithNode();
    const backend = await startBackend(echo);
    const port = await freePort();
    const more = { drainTimeout: "300ms" };
    const balancer = await createBalancer(tenant, { port, backends: [backend.port], more });
    const client = await openClient(port);
    client.send("hello");
    await client.receives(5);
    await removeBalancer(tenant, balancer);
    await client.isOver();
  });
});

const megabyteBytes = 1_000_000;

/** A megabyte for every byte that comes, the end for an `e`. */
function sendingInSteps(megabytes: number): BackendBehaviour {
  const pieces = Array.from({ length: megabytes }, (_, index) => megabyteNumber(index));
  return (socket) => {
    let sent = 0;
    socket.on("data", (orders: Buffer) => {
      for (const order of orders.toString("latin1")) {
        if (order === "e") socket.end();
        else socket.write(pieces[sent++] ?? "");
      }
    });
  };
}

function megabyteNumber(index: number): Buffer {
  return Buffer.alloc(megabyteBytes, createHash("sha256").update(String(index)).digest());
}

function expectedDigest(megabytes: number): string {
  const digest = createHash("sha256");
  for (let index = 0; index < megabytes; index += 1) digest.update(megabyteNumber(index));
  return digest.digest("hex");
}
