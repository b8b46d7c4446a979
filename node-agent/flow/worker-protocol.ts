import type { AnnounceTerms } from "../connect/proxy-header.ts";
import type { ElectionTerms } from "../elect/elect.ts";
import type { SniTerms } from "../elect/sni-pools.ts";
import type { EngineChoice } from "../engine/choose-engine.ts";
import type {
  BindOptions,
  DatagramDropReason,
  ListenerTerms,
  SessionEndReason,
  SessionTerms,
} from "../engine/datagrams.ts";
import type {
  CloseHow,
  CloseReason,
  ConnectTerms,
  Driver,
  ListenerId,
  ListenOptions,
  ListenOutcome,
} from "../engine/engine.ts";
import type {
  BackendTlsTerms,
  ClientTlsTerms,
  ConnectTls,
  TlsRefusal,
} from "../engine/tls-terms.ts";
import type { Access } from "../listen/access-list.ts";
import type { ClientDoor } from "../listen/admission.ts";
import type { TrustedSources } from "../listen/trusted-sources.ts";
import type { ClientMemory } from "../pool/client-memory.ts";
import type { CounterMemory } from "../pool/counter-memory.ts";
import type { PoolView, SlotRef } from "../pool/pool-view.ts";
import type { StickyMemory } from "../pool/sticky-table.ts";
import type { AccessLines } from "../runtime/access-log.ts";
import type { AccessTerms } from "./access-trace.ts";

/** What a worker is born with. */
export interface WorkerInit {
  /** Of the agent that starts it: a worker reads its program from disk, where there may be another. */
  readonly agentVersion: string;
  /** Its place in the shared counters, from 0. */
  readonly index: number;
  readonly memory: CounterMemory;
  readonly engine: EngineChoice;
}

/**
 * One running form of a balancer, numbered by the main thread and never twice: a balancer that is
 * removed and started again drains under its old number while it serves under its new one.
 */
export type BalancerKey = number;

/** What a balancer is given for its life: its number, and where it is counted. */
export interface BalancerPlace {
  readonly key: BalancerKey;
  readonly slot: SlotRef;
}

/** What workers know of a balancer. */
export interface BalancerTerms extends BalancerPlace {
  readonly election: ElectionTerms;
  /** Where clients are remembered, and how long; undefined when they are not. */
  readonly sticky: { readonly memory: StickyMemory; readonly expiryMs: number } | undefined;
  /** Undefined where clients tell by their own connection who they are. */
  readonly inbound: InboundTerms | undefined;
  readonly door: DoorTerms;
  /** Undefined where names mean nothing. */
  readonly sni: SniffTerms | undefined;
  readonly connect: ConnectTerms;
  /** With protocol udp. */
  readonly udp: UdpTerms | undefined;
  /** Undefined when both sides are in clear. */
  readonly tls: TlsTerms | undefined;
  /** Undefined where backends are told nothing about their clients. */
  readonly announce: AnnounceTerms | undefined;
  /** Undefined when its connections are not logged. */
  readonly accessLog: AccessTerms | undefined;
}

/** How datagrams are taken, and how long sessions live. */
export interface UdpTerms {
  readonly listener: ListenerTerms;
  readonly session: SessionTerms;
}

/** Why what is open is cut: both halves of the engine know these. */
export type CutReason = Extract<CloseReason, SessionEndReason>;

/** A balancer's TLS, ready for the engines. */
export interface TlsTerms {
  /** Another one when something of it is another. */
  readonly version: number;
  /** Undefined when clients speak in clear, or past us. */
  readonly clients: ClientTlsTerms | undefined;
  /** Undefined when backends are spoken to in clear. */
  readonly backends:
    | {
        readonly terms: BackendTlsTerms;
        /** Sent and verified instead of the backend's host. */
        readonly name: string | undefined;
        readonly alpn: readonly string[];
        /** Where a PROXY header goes: in clear before the handshake, or first inside of it. */
        readonly prefix: ConnectTls["prefix"];
      }
    | undefined;
}

/** Who tells about its clients, in PROXY headers. */
export interface InboundTerms {
  readonly from: TrustedSources;
  /** Otherwise who sends none is a client itself. */
  readonly isRequired: boolean;
  readonly timeoutMs: number;
}

/** How the name a client asks for decides. */
export interface SniffTerms extends SniTerms {
  readonly timeoutMs: number;
}

/** Who may come in. */
export interface DoorTerms {
  /** Clients at the same time, over all workers; 0 is without limit. */
  readonly maxConnections: number;
  /** Undefined lets everybody in. */
  readonly access: Access | undefined;
  /** Undefined when one client may take all there is. */
  readonly perClient:
    | { readonly bounds: ClientDoor["bounds"]; readonly memory: ClientMemory }
    | undefined;
}

/**
 * Connections of a balancer: all of them, or those that came in by some of its listeners; of these
 * only those to one backend, if one is named.
 */
export interface ConnectionsOf {
  readonly balancer: BalancerKey;
  readonly listeners: readonly ListenerId[] | "all";
  readonly backend?: string;
}

/** What is listened for; how datagrams are taken is in the balancer's terms. */
export type Listening =
  | { readonly kind: "connections"; readonly options: ListenOptions }
  | { readonly kind: "datagrams"; readonly options: Omit<BindOptions, "terms"> };

/** From the main thread to a worker, in order. Those with a `request` are answered. */
export type Command =
  /** Serves a balancer, or changes how; connections that are open keep their terms. */
  | {
      readonly do: "serve";
      readonly request: number;
      readonly terms: BalancerTerms;
      readonly pool: PoolView;
    }
  | { readonly do: "swap-pool"; readonly balancer: BalancerKey; readonly pool: PoolView }
  | {
      readonly do: "listen";
      readonly request: number;
      readonly balancer: BalancerKey;
      readonly listener: ListenerId;
      readonly listening: Listening;
    }
  /** Of a listener for datagrams: no new clients, and sessions go on. */
  | { readonly do: "seal"; readonly request: number; readonly listener: ListenerId }
  /** `keepsAddress`: a successor has the same sockets; who was accepted here is served here. */
  | {
      readonly do: "unlisten";
      readonly request: number;
      readonly listener: ListenerId;
      readonly keepsAddress: boolean;
    }
  | { readonly do: "descriptors"; readonly request: number }
  | {
      readonly do: "cut";
      readonly request: number;
      readonly which: ConnectionsOf;
      readonly how: CloseHow;
      readonly reason: CutReason;
    }
  /** The lines of the access log that were told last are with whoever writes them. */
  | { readonly do: "access-taken" }
  /** Nothing of the balancer is open any more. */
  | { readonly do: "forget"; readonly balancer: BalancerKey }
  | { readonly do: "stop"; readonly request: number };

/** What came of a command. */
export type Answer =
  | { readonly kind: "listened"; readonly outcome: ListenOutcome }
  /** The listening sockets, by listener. */
  | { readonly kind: "descriptors"; readonly descriptors: readonly ListeningSocket[] }
  /** How many connections it was about. */
  | { readonly kind: "done"; readonly connections: number };

/** A listener's socket in one worker. */
export interface ListeningSocket {
  readonly listener: ListenerId;
  readonly descriptor: number;
}

/** Something that happened `count` times since it was told last. */
export type Notice =
  | {
      readonly kind: "turned-away";
      readonly balancer: BalancerKey;
      readonly reason: CloseReason;
      readonly detail: string;
      readonly count: number;
    }
  | {
      readonly kind: "dial-failed";
      readonly balancer: BalancerKey;
      readonly backend: string;
      readonly code: string;
      readonly count: number;
    }
  /** No client's name leads to it: its pattern cannot be used. */
  | {
      readonly kind: "backend-skipped";
      readonly balancer: BalancerKey;
      readonly backend: string;
      readonly detail: string;
      readonly count: number;
    }
  | {
      /** The engine does not take its terms of TLS; those before stay. */
      readonly kind: "tls-refused";
      readonly balancer: BalancerKey;
      readonly code: TlsRefusal;
      readonly detail: string;
      readonly count: number;
    }
  | {
      readonly kind: "accept-failed";
      readonly balancer: BalancerKey;
      readonly code: string;
      readonly count: number;
    }
  | {
      readonly kind: "datagrams-dropped";
      readonly balancer: BalancerKey;
      readonly reason: DatagramDropReason;
      readonly count: number;
    }
  | { readonly kind: "sessions-evicted"; readonly balancer: BalancerKey; readonly count: number };

/** From a worker to the main thread. */
export type WorkerReport =
  | { readonly tell: "ready"; readonly driver: Driver }
  | { readonly tell: "answer"; readonly request: number; readonly answer: Answer }
  | { readonly tell: "notices"; readonly notices: readonly Notice[] }
  /** Answered by `access-taken`. */
  | { readonly tell: "access"; readonly lines: AccessLines };
