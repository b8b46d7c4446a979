import type { SourceEvent, SourceStatus } from "../discover/source-status.ts";
import type { DatagramDropReason } from "../engine/datagrams.ts";
import type { CloseReason } from "../engine/engine.ts";

/** Something that flipped, ended or went wrong in the data plane; `balancer` is its id. */
export type DataPlaneEvent =
  | {
      readonly kind: "backend.up" | "backend.down";
      readonly balancer: string;
      readonly backend: string;
      /** The result that decided. */
      readonly detail: string;
    }
  /** Dials to it failed in a row: it is left out for so long. */
  | {
      readonly kind: "ejection.started";
      readonly balancer: string;
      readonly backend: string;
      readonly failures: number;
      readonly forMs: number;
    }
  | { readonly kind: "ejection.ended"; readonly balancer: string; readonly backend: string }
  /** Too few backends are healthy, so all are used; and the end of that. */
  | {
      readonly kind: "panic.started" | "panic.ended";
      readonly balancer: string;
      readonly healthy: number;
      readonly backends: number;
    }
  /** The time of a backend that drains is up; so many connections were left. */
  | {
      readonly kind: "backend.drained";
      readonly balancer: string;
      readonly backend: string;
      readonly cut: number;
    }
  /** Its backend was cut, or was lost and the balancer asks for that. */
  | {
      readonly kind: "connections.cut";
      readonly balancer: string;
      readonly backend: string;
      readonly count: number;
    }
  | {
      readonly kind: "backends.changed";
      readonly balancer: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  /** More backends than a balancer, or this node, can have: so many get no traffic. */
  | { readonly kind: "backends.left-out"; readonly balancer: string; readonly count: number }
  | (SourceEvent & OfSource)
  /** It was found with a pattern for host names that cannot be used: no name leads to it. */
  | {
      readonly kind: "backend.skipped";
      readonly balancer: string;
      readonly backend: string;
      readonly detail: string;
      /** Workers that have noticed. */
      readonly count: number;
    }
  | {
      readonly kind: "clients.turned-away";
      readonly balancer: string;
      readonly reason: CloseReason;
      readonly detail: string;
      /** Since it was told last; at most once a second. */
      readonly count: number;
    }
  | {
      readonly kind: "dials.failed";
      readonly balancer: string;
      readonly backend: string;
      readonly code: string;
      readonly count: number;
    }
  | {
      readonly kind: "accepts.failed";
      readonly balancer: string;
      readonly code: string;
      readonly count: number;
    }
  /** Datagrams that did not reach their receiver, since it was told last; at most once a second. */
  | {
      readonly kind: "datagrams.dropped";
      readonly balancer: string;
      readonly reason: DatagramDropReason;
      readonly count: number;
    }
  /** Sessions that made room for new ones. */
  | { readonly kind: "sessions.evicted"; readonly balancer: string; readonly count: number }
  /** Certificates that were renewed are shown from now on. */
  | { readonly kind: "certificates.reloaded"; readonly balancer: string }
  /** Certificates cannot be used: those before them serve on. */
  | { readonly kind: "certificates.failed"; readonly balancer: string; readonly detail: string }
  /** They can be used again, be they renewed or those from before. */
  | { readonly kind: "certificates.recovered"; readonly balancer: string }
  /** A certificate in use comes to its end, or has reached it; once at each threshold. */
  | {
      readonly kind: "certificates.expiring";
      readonly balancer: string;
      /** JSON pointer into the balancer. */
      readonly pointer: string;
      /** Milliseconds since 1970. */
      readonly notAfterMs: number;
      readonly detail: string;
    }
  /** A worker that replaces another one cannot listen; it is tried again. Told once for each reason. */
  | {
      readonly kind: "listener.lost";
      readonly balancer: string;
      readonly code: string;
      readonly detail: string;
    }
  /** … and now all workers listen. */
  | { readonly kind: "listener.recovered"; readonly balancer: string }
  /** A removed balancer has no connection left; so many were cut when their time was up. */
  | { readonly kind: "balancer.drained"; readonly balancer: string; readonly cut: number }
  | {
      readonly kind: "worker.lost";
      readonly worker: number;
      /** Connections that died with it. */
      readonly connections: number;
      readonly detail: string;
    }
  | { readonly kind: "worker.replaced"; readonly worker: number }
  /** No worker is left: nobody accepts. `detail` is why the last one was lost. */
  | { readonly kind: "serving.halted"; readonly detail: string }
  | { readonly kind: "serving.resumed" };

/** Whose source something happened to. */
interface OfSource {
  readonly balancer: string;
  /** JSON pointer into the balancer. */
  readonly source: string;
  readonly sourceKind: SourceStatus["kind"];
}
