/**
 * What one election costs: nanoseconds on a core by strategy and number of backends, measured on the
 * shared counters that workers use, with clients from many addresses. Prints a table; nothing is judged.
 */
import { parseArgs } from "node:util";

import { createElector, strategyNames, type ElectionTerms } from "../../node-agent/elect/elect.ts";
import type { ElectionSources } from "../../node-agent/elect/election-sources.ts";
import type { ElectingClient } from "../../node-agent/elect/strategy.ts";
import { createCounterMemory } from "../../node-agent/pool/counter-memory.ts";
import type { Candidate, SlotRef } from "../../node-agent/pool/pool-view.ts";
import { SlotLedger } from "../../node-agent/pool/slot-ledger.ts";
import { createStickyMemory, StickyTable } from "../../node-agent/pool/sticky-table.ts";
import { WorkerCounters } from "../../node-agent/pool/worker-counters.ts";

const sizes = [10, 100, 1_000] as const;

interface Case {
  readonly name: string;
  readonly terms: ElectionTerms;
  readonly maxConnections?: number;
  readonly isSticky?: boolean;
  /** Each address comes once, instead of again and again. */
  readonly areStrangers?: boolean;
}

const { values } = parseArgs({ options: { ms: { type: "string", default: "300" } } });
const measureMs = Number(values.ms);

const nobody: ElectingClient = { address: Uint8Array.of(127, 0, 0, 1), port: 1 };

const plain = {
  isWeighted: false,
  hashesPort: false,
  maxLoadPercent: 0,
  backupBelow: 0,
  slowStartMs: 0,
};
const cases: readonly Case[] = [
  ...strategyNames.map((strategy) => ({ name: strategy, terms: { ...plain, strategy } })),
  ...strategyNames.map((strategy) => ({
    name: `${strategy}, every backend limited`,
    terms: { ...plain, strategy },
    maxConnections: 1_000_000,
  })),
  {
    name: "roundrobin, weighted",
    terms: { ...plain, strategy: "roundrobin", isWeighted: true },
  },
  { name: "leastconn, weighted", terms: { ...plain, strategy: "leastconn", isWeighted: true } },
  { name: "iphash1, strangers", terms: { ...plain, strategy: "iphash1" }, areStrangers: true },
  {
    name: "iphash1, bounded load",
    terms: { ...plain, strategy: "iphash1", maxLoadPercent: 125 },
  },
  { name: "weight, sticky clients", terms: { ...plain, strategy: "weight" }, isSticky: true },
];

console.log(["ns per election".padEnd(34), ...sizes.map((size) => `${size}`.padStart(9))].join(""));
for (const one of cases) {
  const cells = sizes.map((size) => nsPerElection(one, size).toFixed(0).padStart(9));
  console.log([one.name.padEnd(34), ...cells].join(""));
}
console.log(["µs to prepare".padEnd(34), ...sizes.map((size) => `${size}`.padStart(9))].join(""));
for (const strategy of strategyNames) {
  const cells = sizes.map((size) =>
    usToPrepare({ ...plain, strategy }, size)
      .toFixed(0)
      .padStart(9),
  );
  console.log([strategy.padEnd(34), ...cells].join(""));
}

function nsPerElection(one: Case, size: number): number {
  const rig = rigOf(one, size);
  const elector = createElector({ terms: one.terms, ...rig });
  const clients = manyClients(one.areStrangers === true ? 1 << 17 : 1 << 10);
  const tried: readonly string[] = [];
  let elections = 0;
  const run = (untilMs: number): void => {
    while (performance.now() < untilMs) {
      for (let round = 0; round < 64; round += 1) {
        const client = clients[elections % clients.length] ?? nobody;
        elections += 1;
        const election = elector.elect(client, tried);
        if (election.kind === "chosen" && one.isSticky === true) {
          rig.sticky.remember(client.address, election.candidate.slot);
        }
      }
    }
  };
  run(performance.now() + measureMs / 3);
  elections = 0;
  const before = process.cpuUsage();
  run(performance.now() + measureMs);
  return (cpuUs(before) * 1_000) / elections;
}

function usToPrepare(terms: ElectionTerms, size: number): number {
  const rig = rigOf({ name: "", terms }, size);
  const once = (): void => {
    createElector({ terms, ...rig }).elect(nobody, []);
  };
  for (let warm = 0; warm < 20; warm += 1) once();
  const before = process.cpuUsage();
  let count = 0;
  for (; cpuUs(before) < measureMs * 300; count += 1) once();
  return cpuUs(before) / count;
}

/** Time on a core, so that neighbours on this host do not count. */
function cpuUs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

function manyClients(count: number): readonly ElectingClient[] {
  return Array.from({ length: count }, (_, index) => {
    const bits = Math.imul(index + 1, 0x9e3779b1);
    const address = Uint8Array.of(bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255);
    return { address, port: 40_000 };
  });
}

interface Rig {
  readonly candidates: readonly Candidate[];
  readonly sources: ElectionSources;
  readonly sticky: StickyTable;
}

/** Backends with counters as a worker has them, and a few connections on each. */
function rigOf({ maxConnections = 0, isSticky = false }: Case, size: number): Rig {
  const memory = createCounterMemory({ workers: 1, slots: size + 1 });
  const ledger = new SlotLedger(memory);
  const counters = new WorkerCounters(memory, 0);
  const own = slotOf(ledger);
  const candidates = Array.from({ length: size }, (_, place): Candidate => {
    const slot = slotOf(ledger);
    for (let held = 0; held < place % 7; held += 1) counters.acquire(slot, 0);
    const host = `10.0.${place >> 8}.${place & 255}`;
    const fields = { host, port: 8_080, weight: 1 + (place % 5), priority: 1, maxConnections };
    const asked = { sni: "", alpn: undefined, takesProxyHeader: true };
    return {
      name: `${host}:8080`,
      ...fields,
      ...asked,
      place,
      slot,
      liveSinceMs: Number.NEGATIVE_INFINITY,
    };
  });
  const nowMs = (): number => performance.now();
  const sticky = new StickyTable({
    memory: createStickyMemory(100_000, Math.random),
    expiryMs: 60_000,
    nowMs,
  });
  const sources: ElectionSources = {
    random: Math.random,
    nowMs,
    inUse: (slot) => counters.inUse(slot),
    readInUse: (slots, into) => counters.readInUse(slots, into),
    rate: (slot) => counters.rate(slot),
    measurement: () => counters.measurement(own),
    cursor: {
      read: () => counters.readCursor(own),
      move: (from, to) => counters.moveCursor(own, from, to),
    },
    remembered: isSticky ? sticky : undefined,
  };
  return { candidates, sources, sticky };
}

function slotOf(ledger: SlotLedger): SlotRef {
  const slot = ledger.allocate();
  if (slot === undefined) throw new Error("no slot is free");
  return slot;
}
