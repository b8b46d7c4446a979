import { isIP } from "node:net";

import { socketPathOf } from "#shared/definition/socket-path.ts";

import type { Elector } from "../elect/elect.ts";
import { PatternShelf } from "../elect/pattern-shelf.ts";
import type { Requested, SkippedBackend } from "../elect/sni-pools.ts";
import type { ElectingClient } from "../elect/strategy.ts";
import type { ConnectTerms } from "../engine/engine.ts";
import type { ClientTlsFacts } from "../engine/tls-terms.ts";
import { createAccessList } from "../listen/access-list.ts";
import type { ClientDoor, Door } from "../listen/admission.ts";
import { createTrust, type Trusts } from "../listen/trusted-sources.ts";
import { ClientCounters } from "../pool/client-counters.ts";
import type { Candidate, PoolView } from "../pool/pool-view.ts";
import { StickyTable } from "../pool/sticky-table.ts";
import type { WorkerCounters } from "../pool/worker-counters.ts";
import { BalancerElectors } from "./balancer-electors.ts";
import { backendTlsOf } from "./tls-ids.ts";
import type { BalancerKey, BalancerTerms, InboundTerms } from "./worker-protocol.ts";

export interface ServedDeps {
  readonly counters: WorkerCounters;
  /** This worker's place in the shared memory. */
  readonly worker: number;
  readonly random: () => number;
  /** Monotonic, the same in all workers. */
  readonly nowMs: () => number;
  /** No name leads to a backend of this balancer; told when it begins. */
  readonly onSkipped: (balancer: BalancerKey, skipped: SkippedBackend) => void;
}

/** How proxies in front of a balancer announce their clients. */
export interface InboundDoor extends InboundTerms {
  /** Who may. */
  readonly trusts: Trusts;
}

/** A balancer as one worker serves it; the main thread says when terms and pool are others. */
export class ServedBalancer {
  readonly #deps: ServedDeps;
  #terms: BalancerTerms;
  #pool: PoolView;
  #door: Door;
  #inbound: InboundDoor | undefined;
  #sticky: StickyTable | undefined;
  /** To backends that are spoken to through TLS. */
  #connectTerms = new WeakMap<Candidate, ConnectTerms>();
  #electors: BalancerElectors;
  readonly #patterns = new PatternShelf();
  #skipped: ReadonlySet<string> = new Set();

  constructor(deps: ServedDeps, terms: BalancerTerms, pool: PoolView) {
    this.#deps = deps;
    this.#terms = terms;
    this.#pool = pool;
    this.#door = doorOf(deps, terms);
    this.#inbound = inboundOf(terms);
    this.#sticky = stickyOf(deps, terms);
    this.#electors = this.#newElectors();
  }

  get terms(): BalancerTerms {
    return this.#terms;
  }

  get door(): Door {
    return this.#door;
  }

  /** Who may announce clients by PROXY headers; undefined where clients come by themselves. */
  get inbound(): InboundDoor | undefined {
    return this.#inbound;
  }

  /** Elects for a client that has asked for this; undefined where names mean nothing. */
  electorOf(requested: Requested | undefined): Elector {
    return this.#electors.electorOf(requested);
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
    const { name, alpn, prefix } = tls.backends;
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
        prefix,
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
    this.#inbound = inboundOf(terms);
    this.#sticky = stickyOf(this.#deps, terms);
    this.#connectTerms = new WeakMap();
    this.#electors = this.#newElectors();
  }

  /** Elects from other backends. */
  swapPool(pool: PoolView): void {
    this.#pool = pool;
    this.#electors = this.#newElectors();
  }

  /** The client has a place of this backend now. */
  remember(client: ElectingClient, backend: Candidate): void {
    // Not taken out of the client above: its address is worked out by whoever reads it.
    this.#sticky?.remember(client.address, backend.slot);
  }

  #newElectors(): BalancerElectors {
    return new BalancerElectors({
      ...this.#deps,
      terms: this.#terms,
      pool: this.#pool,
      sticky: this.#sticky,
      patterns: this.#patterns,
      onSkipped: (skipped) => this.#tellSkipped(skipped),
    });
  }

  #tellSkipped(skipped: readonly SkippedBackend[]): void {
    const fresh = skipped.filter(({ backend }) => !this.#skipped.has(backend));
    this.#skipped = new Set(skipped.map(({ backend }) => backend));
    for (const one of fresh) this.#deps.onSkipped(this.#terms.key, one);
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

function inboundOf({ inbound }: BalancerTerms): InboundDoor | undefined {
  return inbound && { ...inbound, trusts: createTrust(inbound.from) };
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
