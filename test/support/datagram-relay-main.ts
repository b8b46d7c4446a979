/**
 * A process with one native engine that forwards every client's datagrams to one target, and ends the
 * session that can be spared best when the system has no descriptor left: see `datagram-relay.ts`.
 * It prints a JSON line when it is bound, and another for each line that it reads.
 */
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { systemClock } from "#shared/base/clock.ts";

import { engineMaker } from "../../node-agent/engine/choose-engine.ts";
import type { DatagramEvent, SessionTerms } from "../../node-agent/engine/datagrams.ts";

const [file = "", host = "", targetHost = "", targetPort = "", mode = "", transparent = ""] =
  process.argv.slice(2);
const target = { host: targetHost, port: Number(targetPort) };
const terms: SessionTerms = {
  clientIdleMs: 600_000,
  backendIdleMs: 0,
  idleMode: "twoWay",
  maxRequests: 0,
  maxResponses: 0,
  localAddress: undefined,
};
const counts = { arrived: 0, failed: 0, evicted: 0, ended: 0 };

const engine = engineMaker({ driver: "native", file })({
  clock: systemClock(),
  onEvents: (events) => {
    for (const event of events) handle(event);
  },
});
const { datagrams } = engine;

function handle(event: { readonly kind: string } | DatagramEvent): void {
  if (!("session" in event)) return;
  if (event.kind === "arrived") {
    counts.arrived += 1;
    datagrams?.forward(event.session, target, terms);
  } else if (event.kind === "session-failed") {
    counts.failed += 1;
    if (event.code === "EMFILE" && datagrams?.evict(1) !== undefined) {
      datagrams.forward(event.session, target, terms);
    } else {
      datagrams?.refuse(event.session);
    }
  } else if (event.kind === "session-ended") {
    counts[event.reason === "evicted" ? "evicted" : "ended"] += 1;
  }
}

const bound = await datagrams?.bind(1, {
  address: { host, port: 0 },
  reusePort: false,
  terms: { mode: mode === "single" ? "single" : "sessions", transparent: transparent === "yes" },
});
console.log(JSON.stringify(bound));
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") break;
  // What was collected is given back in steps.
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await pause(50);
  }
  console.log(JSON.stringify(counts));
}
await engine.stop();
process.exit();
