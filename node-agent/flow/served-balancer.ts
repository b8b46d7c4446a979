import { isIP } from "node:net";

import { socketPathOf } from "#shared/definition/socket-path.ts";

import { createElector, type Elector } from "../elect/elect.ts";
import type { ElectionSources } from "../elect/election-sources.ts";
import type { ElectingClient } from "../elect/strategy.ts";
import type { ConnectTerms } from "../engine/engine.ts";
import type { ClientTlsFacts } from "../engine/tls-terms.ts";
import { createAccessList } from "../listen/access-list.ts";
import type { ClientDoor, Door } from "../listen/admission.ts";
import { ClientCounters } from "../pool/client-counters.ts";
import type { Candidate, PoolView } from "../pool/pool-view.ts";
import { StickyTable } from "../pool/sticky-table.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import { backendTlsOf } from "./tls-ids.ts";
import type { BalancerTerms } from "./worker-protocol.ts";

export interface ServedDeps {
  readonly counters: WorkerCounters;
  /** This worker's place in the shared memory. */
  readonly worker: number;
  readonly random: () => number;
  /** Monotonic, the same in all workers. */
  readonly nowMs: () => number;
}

/** A balancer as one worker serves it; the main thread says when terms and pool are others. */
export class ServedBalancer {
  readonly #deps: ServedDeps;
  #terms: BalancerTerms;
  #pool: PoolView;
  #door: Door;
  #sticky: StickyTable | undefined;
  #elector: Elector | undefined;
  /** To backends that are spoken to through TLS. */
  #connectTerms = new WeakMap<Candidate, ConnectTerms>();

  constructor(deps: ServedDeps, terms: BalancerTerms, pool: PoolView) {
    this.#deps = deps;
    this.#terms = terms;
    this.#pool = pool;
    this.#door = doorOf(deps, terms);
    this.#sticky = stickyOf(deps, terms);
  }

  get terms(): BalancerTerms {
    return this.#terms;
  }

  get door(): Door {
    return this.#door;
  }

  /** Prepared for the pool when its first client comes: pools may change faster than clients come. */
  get elector(): Elector {
    this.#elector ??= createElector({
      terms: this.#terms.election,
      candidates: this.#pool.candidates,
      sources: sourcesOf(this.#deps, this.#terms, this.#sticky),
    });
    return this.#elector;
  }

  /** The backend that a target stands for, as `forward` was given it. */
  backendAt({
    host,
    port,
  }: {
    readonly host: string;
    readonly port: number;
  }): Candidate | undefined {
    return this.#pool.candidates.find((one) => one.host === host && one.port === port);
  }

  /** How to connect to a backend, for a client with this TLS; the same object for all that can share it. */
  connectTerms(backend: Candidate, client: ClientTlsFacts | undefined): ConnectTerms {
    const { tls, connect, key } = this.#terms;
    if (tls?.backends === undefined) return connect;
    const { name, alpn } = tls.backends;
    // What the client has agreed on with us is all that it will speak.
    const isAgreed = client !== undefined && alpn.includes(client.alpn);
    const known = isAgreed ? undefined : this.#connectTerms.get(backend);
    if (known !== undefined) return known;
    const verifyName =
      name ?? (socketPathOf(backend.host) === undefined ? backend.host : "localhost");
    const terms: ConnectTerms = {
      ...connect,
      tls: {
        terms: backendTlsOf(key),
        serverName: isIP(verifyName) === 0 ? verifyName : "",
        verifyName,
        alpn: isAgreed ? [client.alpn] : alpn,
        prefix: "inside",
      },
    };
    if (!isAgreed) this.#connectTerms.set(backend, terms);
    return terms;
  }

  /** Serves the next client in another way. */
  serve(terms: BalancerTerms, pool: PoolView): void {
    this.#terms = terms;
    this.#pool = pool;
    this.#door = doorOf(this.#deps, terms);
    this.#sticky = stickyOf(this.#deps, terms);
    this.#connectTerms = new WeakMap();
    this.#elector = undefined;
  }

  /** Elects from other backends. */
  swapPool(pool: PoolView): void {
    this.#pool = pool;
    this.#elector = undefined;
  }

  /** The client has a place of this backend now. */
  remember({ address }: ElectingClient, backend: Candidate): void {
    this.#sticky?.remember(address, backend.slot);
  }
}

function doorOf(deps: ServedDeps, { slot, door }: BalancerTerms): Door {
  return {
    slot,
    maxConnections: door.maxConnections,
    access: door.access && createAccessList(door.access),
    perClient: door.perClient && clientDoorOf(deps, door.perClient),
  };
}

function clientDoorOf(
  { worker, nowMs }: ServedDeps,
  { bounds, memory }: NonNullable<BalancerTerms["door"]["perClient"]>,
): ClientDoor {
  return { bounds, counters: new ClientCounters({ memory, worker, nowMs }) };
}

function stickyOf({ nowMs }: ServedDeps, { sticky }: BalancerTerms): StickyTable | undefined {
  return sticky && new StickyTable({ ...sticky, nowMs });
}

function sourcesOf(
  { counters, random, nowMs }: ServedDeps,
  { slot }: BalancerTerms,
  remembered: StickyTable | undefined,
): ElectionSources {
  return {
    random,
    nowMs,
    inUse: (backend) => counters.inUse(backend),
    readInUse: (backends, into) => counters.readInUse(backends, into),
    rate: (backend) => counters.rate(backend),
    measurement: () => counters.measurement(slot),
    cursor: {
      read: () => counters.readCursor(slot),
      move: (from, to) => counters.moveCursor(slot, from, to),
    },
    remembered,
  };
}
