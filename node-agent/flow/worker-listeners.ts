import { setImmediate as nextTurn } from "node:timers/promises";

import type { ClaimedAddress } from "../engine/address-claims.ts";
import type { BindOptions, ListenerTerms } from "../engine/datagrams.ts";
import type { Engine, ListenerId, ListenOutcome, Peer } from "../engine/engine.ts";
import type { ServedBalancer } from "./served-balancer.ts";
import type { BalancerKey, Command, Listening, ListeningSocket } from "./worker-protocol.ts";

export interface WorkerListenersDeps {
  readonly engine: Pick<Engine, "listen" | "unlisten" | "descriptorOf" | "datagrams">;
  readonly balancers: ReadonlyMap<BalancerKey, ServedBalancer>;
}

/** Whose clients come in by a listener, and where. */
interface Listener {
  readonly balancer: BalancerKey;
  readonly address: ClaimedAddress;
}

/** Where one worker listens, and for whom. */
export class WorkerListeners {
  readonly #deps: WorkerListenersDeps;
  readonly #listeners = new Map<ListenerId, Listener>();

  constructor(deps: WorkerListenersDeps) {
    this.#deps = deps;
  }

  /** The number of the balancer whose clients come in by a listener. */
  ownerOf(listener: ListenerId): BalancerKey | undefined {
    return this.#listeners.get(listener)?.balancer;
  }

  /** The balancer whose clients come in by a listener, as it is served. */
  balancerOf(listener: ListenerId): ServedBalancer | undefined {
    const owner = this.ownerOf(listener);
    return owner === undefined ? undefined : this.#deps.balancers.get(owner);
  }

  /** Where a client came in, for people: a Unix socket has no address of its own in a peer. */
  placeOf(listener: ListenerId, { localAddress, localPort }: Peer): string {
    const address = this.#listeners.get(listener)?.address;
    if (address?.kind === "unix") return `unix:${address.path}`;
    return localAddress.includes(":")
      ? `[${localAddress}]:${localPort}`
      : `${localAddress}:${localPort}`;
  }

  async listen({
    listener,
    balancer,
    listening,
  }: Extract<Command, { do: "listen" }>): Promise<ListenOutcome> {
    // Before binding: a client may be there before the answer is.
    this.#listeners.set(listener, { balancer, address: addressOf(listening) });
    const outcome =
      listening.kind === "datagrams"
        ? await this.#bind(listener, listening.options)
        : await this.#deps.engine.listen(listener, listening.options);
    if (!outcome.ok) this.#listeners.delete(listener);
    return outcome;
  }

  /** The listeners of a balancer take datagrams in another way. */
  adjust(balancer: BalancerKey, terms: ListenerTerms): void {
    for (const [listener, { balancer: owner, address }] of this.#listeners) {
      if (owner === balancer && address.kind === "udp") {
        this.#deps.engine.datagrams?.adjust(listener, terms);
      }
    }
  }

  /** Of a listener for datagrams: no new clients, and sessions go on. */
  seal(listener: ListenerId): void {
    this.#deps.engine.datagrams?.seal(listener);
  }

  /** Connections that came in by it stay; sessions end. */
  async unlisten({ listener, keepsAddress }: Extract<Command, { do: "unlisten" }>): Promise<void> {
    if (this.#listeners.get(listener)?.address.kind === "udp") {
      return this.#unbind(listener, keepsAddress);
    }
    await this.#deps.engine.unlisten(listener, { keepsAddress });
    // Whoever was accepted in this turn of the loop is told of at its end, and is to be let in.
    if (keepsAddress) await nextTurn();
    else this.#listeners.delete(listener);
  }

  /** The listening sockets, by listener. */
  sockets(): readonly ListeningSocket[] {
    const { engine } = this.#deps;
    return [...this.#listeners].flatMap(([listener, { address }]) => {
      const half = address.kind === "udp" ? engine.datagrams : engine;
      const descriptor = half?.descriptorOf(listener);
      return descriptor === undefined ? [] : [{ listener, descriptor }];
    });
  }

  async #bind(listener: ListenerId, options: Omit<BindOptions, "terms">): Promise<ListenOutcome> {
    const { datagrams } = this.#deps.engine;
    const udp = this.balancerOf(listener)?.terms.udp;
    if (datagrams === undefined || udp === undefined) return noDatagrams;
    return datagrams.bind(listener, { ...options, terms: udp.listener });
  }

  /** Sessions end with the address that their clients ask, unless a successor serves it. */
  async #unbind(listener: ListenerId, keepsAddress: boolean): Promise<void> {
    const reason = keepsAddress ? "drained" : "removed";
    // First: who has arrived and was not told of yet would be forwarded by an engine that forgets it.
    this.#listeners.delete(listener);
    await this.#deps.engine.datagrams?.unbind(listener, { keepsAddress, reason });
  }
}

function addressOf({ kind, options }: Listening): ClaimedAddress {
  return kind === "datagrams" ? { kind: "udp", ...options.address } : options.address;
}

const noDatagrams: ListenOutcome = {
  ok: false,
  code: "ENOTSUP",
  detail: "this worker relays no datagrams",
};
