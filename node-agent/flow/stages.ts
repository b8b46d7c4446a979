import type { ConnectionEvent, ConnectionId, Engine, ListenerId, Peer } from "../engine/engine.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import type { ConnectionCounts } from "../stats/connection-counts.ts";
import type { AccessRecorder } from "./access-recorder.ts";
import type { NoticeBox } from "./notice-box.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { ServedBalancer } from "./served-balancer.ts";

/** What the stages of a connection work with, inside one worker. */
export interface Stages {
  readonly engine: Pick<Engine, "peek" | "discard" | "secure" | "connect" | "close">;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly counters: WorkerCounters;
  readonly counts: ConnectionCounts;
  readonly notices: NoticeBox;
  readonly access: AccessRecorder;
  /** Where a listener listens, for people. */
  readonly placeOf: (listener: ListenerId, peer: Peer) => string;
  readonly balancerOf: (listener: ListenerId) => ServedBalancer | undefined;
  /** Connections that are more than a moment old; one that is not here was turned away. */
  readonly connections: Map<ConnectionId, OpenConnection>;
}

export type EventOf<Kind extends ConnectionEvent["kind"]> = Extract<
  ConnectionEvent,
  { kind: Kind }
>;
