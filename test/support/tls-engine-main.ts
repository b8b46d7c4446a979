/**
 * A process with one engine and the simplest of flows: every listener has its terms and its backend.
 * Told what to do by its first argument, in JSON; says `ready` with its ports, in the same order.
 */
import { z } from "zod";

import { systemClock } from "#shared/base/clock.ts";

import { engineMaker } from "../../node-agent/engine/choose-engine.ts";
import type { ConnectTerms, Engine, EngineEvent } from "../../node-agent/engine/engine.ts";
import type { BackendTlsTerms, HandshakeTerms } from "../../node-agent/engine/tls-terms.ts";

const listenerSchema = z.object({
  /** TLS with clients; in clear without. */
  pair: z.object({ certificatePem: z.string(), keyPem: z.string() }).optional(),
  backendPort: z.number(),
  /** TLS with backends, whoever they are. */
  securesBackend: z.boolean().default(false),
});
const planSchema = z.object({
  driver: z.enum(["native", "portable"]),
  addon: z.string().default(""),
  listeners: z.array(listenerSchema),
  cipherSuites: z.string().default(""),
  groups: z.string().default(""),
  handshakeMs: z.number().default(2_000),
});
/** What the process is told. */
export type TlsEnginePlan = z.input<typeof planSchema>;

const plan = planSchema.parse(JSON.parse(process.argv[2] ?? "{}"));
const { driver, addon, listeners } = plan;
const backendTerms = listeners.length;

const handshake: HandshakeTerms = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  cipherList: "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384",
  cipherSuites: plan.cipherSuites,
  groups: plan.groups,
};
const inClear: ConnectTerms = {
  prefix: undefined,
  connectTimeoutMs: 20_000,
  clientIdleMs: 0,
  backendIdleMs: 0,
  idleMode: "twoWay",
};
const inside = { serverName: "", verifyName: "", alpn: [], prefix: "inside" } as const;
const sealed: ConnectTerms = { ...inClear, tls: { ...inside, terms: backendTerms } };

const make = engineMaker(driver === "native" ? { driver, file: addon } : { driver });
const came = new Map<number, number>();
const engine: Engine = make({
  clock: systemClock(),
  onEvents: (events) => {
    for (const event of events) answer(event);
  },
});

// Whoever hears `ready` may end it at once.
process.on("SIGTERM", () => void engine.stop().then(() => process.exit()));
process.on("disconnect", () => process.exit());
setTerms();
const ports: number[] = [];
for (const index of listeners.keys()) {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const outcome = await engine.listen(index, { address, reusePort: false, backlog: 4_096 });
  if (!outcome.ok) throw new Error(`cannot listen: ${outcome.code}`);
  ports.push(outcome.port);
}
process.send?.({ type: "ready", ports });

function setTerms(): void {
  const ticketKeys = [new Uint8Array(48).fill(1)];
  const clientAuth = { mode: "none", authoritiesPem: "" } as const;
  for (const [index, { pair }] of listeners.entries()) {
    if (pair === undefined) continue;
    const identities = [{ pairs: [pair], names: [] }];
    const terms = { identities, handshake, alpn: [], clientAuth, ticketKeys };
    mustSet(engine.setClientTls(index, terms));
  }
  const terms: BackendTlsTerms = {
    verify: false,
    authoritiesPem: "",
    pair: undefined,
    handshake,
    resumes: true,
  };
  mustSet(engine.setBackendTls(backendTerms, terms));
}

function answer(event: EngineEvent): void {
  if (event.kind === "accepted") {
    const { connection, listener } = event;
    came.set(connection, listener);
    if (listeners[listener]?.pair === undefined) dial(connection);
    else engine.secure(connection, listener, { timeoutMs: plan.handshakeMs });
  }
  if (event.kind === "secured") dial(event.connection);
  if (event.kind === "failed") engine.close(event.connection, "flush", "connect-failed");
  if (event.kind === "closed") came.delete(event.connection);
}

function dial(connection: number): void {
  const wanted = listeners[came.get(connection) ?? 0];
  const target = { kind: "tcp", host: "127.0.0.1", port: wanted?.backendPort ?? 0 } as const;
  engine.connect(connection, target, wanted?.securesBackend === true ? sealed : inClear);
}

function mustSet(outcome: ReturnType<Engine["setClientTls"]>): void {
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.detail}`);
}
