import { errorText, Fault } from "#shared/base/fault.ts";
import { listenBacklog } from "#shared/base/limits.ts";

import type { ListenerId, ListenOutcome } from "../engine/engine.ts";
import { listenersOf, type ClaimedBind } from "./claim-binds.ts";
import type { BalancerKey, Command, Listening } from "./worker-protocol.ts";
import type { Workers } from "./workers.ts";

export interface SharedListenersDeps {
  readonly workers: Workers;
  readonly balancer: BalancerKey;
}

/** A listener that is closed, and how many connections that came in by it are open. */
export interface ClosedListener {
  readonly listener: ListenerId;
  readonly connections: number;
}

/** Has all workers listen for one balancer, and stop listening. */
export class SharedListeners {
  readonly #deps: SharedListenersDeps;

  constructor(deps: SharedListenersDeps) {
    this.#deps = deps;
  }

  /** Listens in every worker, on all sockets that were inherited too; tells the first failure. */
  async open(bind: ClaimedBind): Promise<ListenOutcome> {
    const { first, surplus } = bind.inherited;
    const listened = await Promise.all([
      ...Array.from({ length: this.#deps.workers.count }, (_, worker) =>
        this.openIn(worker, bind, first.get(worker)),
      ),
      ...surplus.map(({ worker, listener, descriptor }) =>
        this.openIn(worker, { ...bind, listener }, descriptor),
      ),
    ]);
    return listened.find((one) => !one.ok) ?? listensElsewhere;
  }

  /**
   * Listens in one worker, on an inherited socket if one is given. A Unix socket cannot be shared by
   * binding: the first worker alone listens there. Nor can an address that was taken over from a
   * process with a single worker.
   */
  async openIn(worker: number, bind: ClaimedBind, descriptor?: number): Promise<ListenOutcome> {
    const outcome = await this.#ask(worker, bind, descriptor);
    const isShared = descriptor === undefined && bind.inherited.first.size > 0;
    const isTaken = !outcome.ok && outcome.code === "EADDRINUSE";
    return isShared && isTaken ? listensElsewhere : outcome;
  }

  /** New clients are turned away; those that are there stay. */
  async seal(bind: ClaimedBind): Promise<void> {
    const { workers } = this.#deps;
    const sealed = listenersOf(bind).map((listener) =>
      workers.askAll((request) => ({ do: "seal", request, listener })),
    );
    await Promise.all(sealed);
  }

  /** `keepsAddress` leaves the sockets to a successor that listens on them. */
  close(bind: ClaimedBind, keepsAddress: boolean): Promise<readonly ClosedListener[]> {
    const { workers } = this.#deps;
    return Promise.all(
      listenersOf(bind).map(async (listener) => {
        const unlisten = { do: "unlisten", listener, keepsAddress } as const;
        const connections = await workers.askAll((request) => ({ ...unlisten, request }));
        return { listener, connections };
      }),
    );
  }

  async #ask(
    worker: number,
    { listener, claim: { address } }: ClaimedBind,
    descriptor: number | undefined,
  ): Promise<ListenOutcome> {
    const { workers, balancer } = this.#deps;
    if (address.kind === "unix" && worker > 0) return listensElsewhere;
    const reusePort = address.kind !== "unix" && workers.count > 1;
    const inherited = descriptor === undefined ? {} : { descriptor };
    const listening: Listening =
      address.kind === "udp"
        ? { kind: "datagrams", options: { address, reusePort, ...inherited } }
        : {
            kind: "connections",
            options: { address, reusePort, backlog: listenBacklog, ...inherited },
          };
    const command = (request: number): Command => ({
      do: "listen",
      request,
      balancer,
      listener,
      listening,
    });
    try {
      const answer = await workers.ask(worker, command);
      return answer.kind === "listened" ? answer.outcome : listensElsewhere;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { ok: false, code: "worker-lost", detail: errorText(error) };
    }
  }
}

/** This worker has nothing to do for it, and that is right. */
const listensElsewhere: ListenOutcome = { ok: true, port: 0 };
