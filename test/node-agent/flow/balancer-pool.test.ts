import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { rememberedReadMsMax } from "#shared/base/limits.ts";
import { backendSchema } from "#shared/definition/backend.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import { FetchRoom } from "../../../node-agent/discover/fetch-room.ts";
import { rememberedText } from "../../../node-agent/discover/remembered-file.ts";
import { sourceKeys } from "../../../node-agent/discover/source-key.ts";
import { SourceMemory } from "../../../node-agent/discover/source-memory.ts";
import { BalancerPool } from "../../../node-agent/flow/balancer-pool.ts";
import { NodeChecks } from "../../../node-agent/health/node-checks.ts";
import { createCounterMemory } from "../../../node-agent/pool/counter-memory.ts";
import { SlotLedger } from "../../../node-agent/pool/slot-ledger.ts";
import { page, startPages } from "../../support/page-server.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { testProbes } from "../../support/test-probes.ts";
import { throughout } from "../../support/throughout.ts";
import { CrashDisk } from "../control-link/crash-disk.ts";
import { definedBalancer } from "../discover/source-under-test.ts";

const clock = systemClock();

/** A balancer whose source does not answer, on a disk that says what it named before. */
async function pooled() {
  const pages = await startPages(page("", 500));
  const definitionWith = (terms: Readonly<Record<string, unknown>>): Balancer => {
    const discovery = { kind: "plaintext", endpoint: pages.origin, ...terms };
    return definedBalancer({ discovery, healthcheck: { kind: "none" } });
  };
  const definition = definitionWith({});
  if (definition.discovery.kind !== "plaintext") throw new Error("another kind");
  const [key = ""] = sourceKeys([definition.discovery], "tcp");
  const answer = { backends: [backendSchema.parse({ host: "10.0.0.1", port: 80 })], saidMs: 1 };
  const owner = { node: "nod_a", balancer: "bal_a" };
  const disk = new CrashDisk();
  await disk.write(
    "/sources/bal_a.json",
    rememberedText(owner, new Map([[key, answer]]), Date.now()),
  );
  const memory = new SourceMemory(clock, {
    disk,
    log: quietLog(),
    path: "/sources",
    node: "nod_a",
  });
  onTestFinished(() => memory.stop());
  const pool = new BalancerPool(
    {
      clock,
      random: Math.random,
      ledger: new SlotLedger(createCounterMemory({ workers: 1 })),
      checks: new NodeChecks({ clock, random: Math.random }),
      probes: testProbes(),
      rooms: { fetches: new FetchRoom(8), commands: new FetchRoom(8) },
      sourceMemory: memory,
      balancer: "bal_a",
      inheritedBeliefs: {},
      tell: () => undefined,
      onView: () => undefined,
      onLost: () => undefined,
      onDrained: () => undefined,
    },
    definition,
  );
  onTestFinished(() => pool.stop());
  const hosts = (): readonly string[] => pool.table.entries().map(({ backend }) => backend.host);
  return { pool, pages, disk, definitionWith, hosts };
}

test("a balancer that is changed while it still reads what is remembered goes by it all the same", async () => {
  const { pool, pages, definitionWith, hosts } = await pooled();
  const started = pool.start();
  await pool.change(definitionWith({ timeout: "9s" }));
  await started;
  expect(hosts()).toEqual(["10.0.0.1"]);
  expect(pages.requests).toHaveLength(1);
});

test("a disk that hangs holds a start up for a moment; one that is stopped meanwhile asks nobody", async () => {
  const { pool, pages, disk, hosts } = await pooled();
  disk.read = () => new Promise(() => undefined);
  const started = pool.start();
  pool.stop();
  await started;
  await throughout(() => expect(pages.requests).toHaveLength(0), { forMs: rememberedReadMsMax });
  expect(hosts()).toEqual([]);
});

test("a balancer that comes to speak UDP asks its sources for UDP, though their definition is the same", async () => {
  const { pool, pages, definitionWith, hosts } = await pooled();
  const ports = [
    { IP: "10.0.0.1", PrivatePort: 53, PublicPort: 5300, Type: "tcp" },
    { IP: "10.0.0.2", PrivatePort: 53, PublicPort: 5301, Type: "udp" },
  ];
  pages.answer = page(JSON.stringify([{ Id: "c1", Labels: {}, Ports: ports }]));
  const named = definitionWith({ kind: "docker", containerPrivatePort: 53, interval: "1h" });
  await pool.change(named);
  expect(hosts()).toEqual(["10.0.0.1"]);
  await pool.change({ ...named, protocol: "udp" });
  expect(hosts()).toEqual(["10.0.0.2"]);
});
