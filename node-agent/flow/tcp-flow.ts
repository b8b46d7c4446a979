import { afterFailedDial, reasonOf, targetOf } from "../connect/dialling.ts";
import { refusalText, type Election } from "../elect/elect.ts";
import type {
  CloseReason,
  ConnectionId,
  Engine,
  EngineEvent,
  ListenerId,
  Peer,
} from "../engine/engine.ts";
import { admit, releasePlace } from "../listen/admission.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import { isOwnLack } from "../runtime/own-lack.ts";
import type { ConnectionCounts } from "../stats/connection-counts.ts";
import type { AccessRecorder } from "./access-recorder.ts";
import type { AccessTrace } from "./access-trace.ts";
import { ArrivedClient } from "./arrived-client.ts";
import type { NoticeBox } from "./notice-box.ts";
import type { OpenConnection, ServedBalancer } from "./served-balancer.ts";
import { takeBackend } from "./take-backend.ts";

/** The stages that a connection passes through, inside one worker. */
export interface Stages {
  readonly engine: Pick<Engine, "connect" | "close">;
  readonly counters: WorkerCounters;
  readonly counts: ConnectionCounts;
  readonly notices: NoticeBox;
  readonly access: AccessRecorder;
  /** Where a listener listens, for people. */
  readonly placeOf: (listener: ListenerId, peer: Peer) => string;
  readonly balancerOf: (listener: ListenerId) => ServedBalancer | undefined;
  /** Clients that were let in; a connection that is not here was turned away. */
  readonly connections: Map<ConnectionId, OpenConnection>;
}

type EventOf<Kind extends EngineEvent["kind"]> = Extract<EngineEvent, { kind: Kind }>;

/** The life of a connection: let in, elected for, dialled, relayed, counted. */
export function tcpFlow(stages: Stages, event: EngineEvent): void {
  switch (event.kind) {
    case "accepted":
      return onAccepted(stages, event);
    case "peeked":
      // Nothing is peeked yet.
      return;
    case "secured":
      // No client speaks TLS with us yet.
      return;
    case "connected":
      return onConnected(stages, event);
    case "failed":
      return onDialFailed(stages, event);
    case "closed":
      return onClosed(stages, event);
    case "accept-failed":
      return onAcceptFailed(stages, event);
  }
}

function onAccepted(stages: Stages, event: EventOf<"accepted">): void {
  const { connection: id, listener, peer } = event;
  const balancer = stages.balancerOf(listener);
  if (balancer === undefined) return stages.engine.close(id, "flush", "removed");
  const client = new ArrivedClient(peer);
  const trace = traceOf(stages, balancer, event);
  const admission = admit(stages.counters, balancer.door, client);
  if (admission.kind === "denied") {
    if (trace !== undefined) stages.access.end(trace, { ...nothingMoved, ...admission });
    return turnAway(stages, { id, balancer, ...admission });
  }
  const connection: OpenConnection = {
    id,
    listener,
    balancer,
    client,
    place: admission.place,
    tried: [],
    backend: undefined,
    isConnected: false,
    isBackendLost: false,
    trace,
    counted: { rxBytes: 0, txBytes: 0 },
  };
  stages.connections.set(id, connection);
  dialNext(stages, connection, undefined);
}

const nothingMoved = { tried: [], rxBytes: 0, txBytes: 0 } as const;

/** What the access log is to remember; undefined where there is none. */
function traceOf(
  { access, placeOf }: Stages,
  { terms }: ServedBalancer,
  { listener, peer }: EventOf<"accepted">,
): AccessTrace | undefined {
  if (terms.accessLog === undefined) return undefined;
  return access.begin(terms.accessLog, { peer, listener: placeOf(listener, peer) });
}

/** Elects and dials; when nobody is left to dial, the client learns of the last failure. */
function dialNext(stages: Stages, connection: OpenConnection, lastCode: string | undefined): void {
  const { id, balancer, tried } = connection;
  const election = takeBackend(stages.counters, connection);
  if (election.kind === "chosen") {
    connection.backend = election.candidate;
    connection.isBackendLost = false;
    // Not pushed: a list that can grow takes more room, and most connections try one backend.
    connection.tried = [...tried, election.candidate.name];
    return stages.engine.connect(id, targetOf(election.candidate), balancer.terms.connect);
  }
  if (lastCode !== undefined) return stages.engine.close(id, "flush", reasonOf(lastCode));
  turnAway(stages, {
    id,
    balancer,
    reason: reasonOfElection(election),
    detail: refusalText(election),
  });
}

function onConnected(stages: Stages, event: EventOf<"connected">): void {
  const connection = stages.connections.get(event.connection);
  if (connection?.backend === undefined) return;
  connection.isConnected = true;
  if (connection.trace !== undefined) stages.access.connected(connection.trace);
  stages.counts.connected(connection.backend.slot);
  if (connection.isBackendLost) stages.engine.close(connection.id, "abort", "backend-lost");
}

function onDialFailed(stages: Stages, event: EventOf<"failed">): void {
  const { code, mayRetry } = event;
  const connection = stages.connections.get(event.connection);
  if (connection?.backend === undefined) return;
  const { id, backend, balancer, tried } = connection;
  connection.backend = undefined;
  if (connection.trace !== undefined) connection.trace.failure = code;
  stages.counts.dialFailed(backend.slot, { isOwnLack: isOwnLack(code, backend.host) });
  const { key } = balancer.terms;
  stages.notices.add({ kind: "dial-failed", balancer: key, backend: backend.name, code, count: 1 });
  const next = afterFailedDial({ code, mayRetry, attempts: tried.length });
  if (next.kind === "give-up") return stages.engine.close(id, "flush", next.reason);
  dialNext(stages, connection, code);
}

function onClosed(stages: Stages, event: EventOf<"closed">): void {
  const connection = stages.connections.get(event.connection);
  if (connection === undefined) return;
  stages.connections.delete(connection.id);
  const { backend, balancer, counted, isConnected } = connection;
  if (backend !== undefined && isConnected) {
    stages.counts.moved(backend.slot, counted, event);
    stages.counts.disconnected(backend.slot);
  }
  if (backend !== undefined && !isConnected) stages.counts.dialEnded(backend.slot);
  if (connection.place !== undefined) releasePlace(connection.place);
  stages.counts.left(balancer.terms.slot);
  const { trace, tried } = connection;
  if (trace !== undefined) stages.access.end(trace, { ...event, tried });
}

function onAcceptFailed(stages: Stages, { listener, code }: EventOf<"accept-failed">): void {
  const balancer = stages.balancerOf(listener);
  if (balancer === undefined) return;
  stages.notices.add({ kind: "accept-failed", balancer: balancer.terms.key, code, count: 1 });
}

interface TurnedAway {
  readonly id: ConnectionId;
  readonly balancer: ServedBalancer;
  readonly reason: CloseReason;
  readonly detail?: string;
}

function turnAway(stages: Stages, { id, balancer, reason, detail = "" }: TurnedAway): void {
  const { slot, key } = balancer.terms;
  stages.counts.rejected(slot);
  stages.notices.add({ kind: "turned-away", balancer: key, reason, detail, count: 1 });
  stages.engine.close(id, "flush", reason);
}

function reasonOfElection(election: Exclude<Election, { kind: "chosen" }>): CloseReason {
  switch (election.kind) {
    case "none-live":
      return "no-backend";
    case "all-full":
      return "backends-full";
  }
}
