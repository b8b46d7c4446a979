import type { Socket } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { systemClock, type Clock } from "#shared/base/clock.ts";
import { relayBufferBytes } from "#shared/base/limits.ts";

import type {
  Address,
  CloseHow,
  ConnectionId,
  ConnectTerms,
  CreateEngine,
  Driver,
  Engine,
  EngineEvent,
} from "../../../node-agent/engine/engine.ts";
import { eventually, patienceMs } from "../../support/eventually.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** An engine, or several that share one address as workers do, that the contract is held against. */
export interface EngineSubject {
  readonly name: string;
  readonly driver: Driver;
  readonly create: CreateEngine;
  readonly engines: number;
}

type EventOf<Kind extends EngineEvent["kind"]> = Extract<EngineEvent, { kind: Kind }>;

export interface RelayOptions {
  readonly clock?: Clock;
  readonly listen?: Address;
  readonly terms?: Partial<ConnectTerms>;
  /** Instead of connecting every client to `target`. */
  readonly onEvent?: (event: EngineEvent, engine: Engine, relay: Relay) => void;
}

/** Engines with the simplest of flows, and a record of what they told. */
export interface Relay {
  readonly port: number;
  readonly engines: readonly Engine[];
  readonly events: readonly EngineEvent[];
  readonly terms: ConnectTerms;
  ofKind<Kind extends EngineEvent["kind"]>(kind: Kind): readonly EventOf<Kind>[];
  /** The first event of a kind, once it is there. */
  first<Kind extends EngineEvent["kind"]>(kind: Kind, withinMs?: number): Promise<EventOf<Kind>>;
  /** Waits until `count` connections have been told closed. */
  closed(count: number, withinMs?: number): Promise<readonly EventOf<"closed">[]>;
}

const defaultTerms: ConnectTerms = {
  prefix: undefined,
  connectTimeoutMs: 5_000,
  clientIdleMs: 0,
  backendIdleMs: 0,
  idleMode: "twoWay",
};

/** Listens on loopback with every engine of the subject, and relays each client to `target`. */
export async function startRelay(
  subject: EngineSubject,
  target: Address,
  options: RelayOptions = {},
): Promise<Relay> {
  const events: EngineEvent[] = [];
  const engines: Engine[] = [];
  const terms = { ...defaultTerms, ...options.terms };
  const onEvent = options.onEvent ?? relayTo(target);
  const ofKind: Relay["ofKind"] = (kind) =>
    events.filter((event): event is EventOf<typeof kind> => event.kind === kind);
  const relay = {
    port: 0,
    engines,
    events,
    terms,
    ofKind,
    first: (kind, withinMs = patienceMs) =>
      eventually(() => present(ofKind(kind)[0], `no ${kind} event`), { withinMs }),
    closed: async (count, withinMs = patienceMs) => {
      await eventually(() => ofKind("closed").length >= count, { withinMs });
      return ofKind("closed");
    },
  } satisfies Relay;

  for (let index = 0; index < subject.engines; index += 1) {
    const engine: Engine = subject.create({
      clock: options.clock ?? systemClock(),
      onEvents: (batch) => {
        for (const event of batch) {
          events.push(event);
          onEvent(event, engine, relay);
        }
      },
    });
    engines.push(engine);
    onTestFinished(() => engine.stop());
    const address = options.listen ?? { kind: "tcp", host: "127.0.0.1", port: relay.port };
    if (address.kind === "unix" && index > 0) continue;
    const outcome = await engine.listen(1, {
      address,
      reusePort: subject.engines > 1,
      backlog: 1_024,
    });
    if (!outcome.ok) throw new Error(`cannot listen: ${outcome.code}`);
    relay.port = outcome.port;
  }
  return relay;
}

/** The simplest flow: every client to one backend, and closed when that cannot be reached. */
function relayTo(target: Address): NonNullable<RelayOptions["onEvent"]> {
  return (event, engine, { terms }) => {
    if (event.kind === "accepted") engine.connect(event.connection, target, terms);
    if (event.kind === "failed") engine.close(event.connection, "flush", "connect-failed");
  };
}

/** The address of a backend that listens on TCP. */
export function tcp(backend: { readonly host: string; readonly port: number }): Address {
  return { kind: "tcp", host: backend.host, port: backend.port };
}

/** A Unix socket's path in a folder of its own, which goes with the test. */
export async function socketPath(): Promise<string> {
  return join(await temporaryFolder(onTestFinished), "socket");
}

/** Bytes of all open connections that moved, as the engines tell them at this moment. */
export function takeAllMoved(relay: Relay): {
  rxBytes: number;
  txBytes: number;
  ids: ConnectionId[];
} {
  const rows = relay.engines.flatMap((engine) => [...engine.takeMoved()]);
  return {
    rxBytes: rows.reduce((sum, row) => sum + row.rxBytes, 0),
    txBytes: rows.reduce((sum, row) => sum + row.txBytes, 0),
    ids: rows.map((row) => row.connection),
  };
}

/** Waits until bytes have moved and then none do any more: somebody takes no more. */
export async function movesNoMore(relay: Relay): Promise<void> {
  let hasMoved = false;
  await eventually(
    () => {
      const isMoving = takeAllMoved(relay).ids.length > 0;
      hasMoved ||= isMoving;
      return hasMoved && !isMoving;
    },
    { everyMs: 250 },
  );
}

/** Sends in steps until the system takes no more for the other side; returns the bytes sent. */
export async function fill(
  relay: Relay,
  socket: Socket,
  direction: "rxBytes" | "txBytes",
): Promise<number> {
  const step = Buffer.alloc(relayBufferBytes / 2, "x");
  let delivered = 0;
  for (let sent = step.length; ; sent += step.length) {
    socket.write(step);
    const isDelivered = eventually(
      () => {
        delivered = Math.max(delivered, takeAllMoved(relay)[direction]);
        return delivered === sent;
      },
      { withinMs: 250, everyMs: 1 },
    );
    if (!(await isDelivered.catch(() => false))) return sent;
  }
}

/** Closes every connection that was accepted, as a drain would. */
export function closeAll(relay: Relay, how: CloseHow): void {
  for (const engine of relay.engines) {
    for (const { connection } of relay.ofKind("accepted")) engine.close(connection, how, "drained");
  }
}

function present<T>(value: T | undefined, why: string): T {
  if (value === undefined) throw new Error(why);
  return value;
}
