import type { TotalsRow } from "#shared/measures/interval.ts";

import type { TouchedConnections } from "../apply/flows.ts";
import type { BackendTable } from "../pool/backend-table.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import type { BalancerConnections } from "./balancer-connections.ts";
import type { BalancerListeners } from "./balancer-listeners.ts";
import type { BalancerNumbers } from "./balancer-numbers.ts";
import type { SpokenBinds } from "./wanted-binds.ts";
import type { BalancerPlace } from "./worker-protocol.ts";

/** What nothing shall be left of, and who hears when nothing is. */
export interface BalancerRemovalDeps {
  readonly ledger: SlotLedger;
  readonly listeners: BalancerListeners;
  readonly connections: BalancerConnections;
  readonly numbers: BalancerNumbers;
  readonly table: BackendTable;
  /** All slots are given back. Told once, with the rows as they were before. */
  readonly onOver: (rows: readonly TotalsRow[]) => void;
}

/** How a balancer stops listening. */
export interface RemoveHow {
  /** They are a successor's that listens on the same sockets. */
  readonly keepsAddresses: boolean;
  /**
   * Datagrams of a session come in where new clients would: it cannot outlive its listener, which is
   * only sealed for the time that sessions have.
   */
  readonly endsWithListeners: boolean;
}

/**
 * How one balancer ends: it stops listening, its connections have their time, and its slots are
 * given back once the last one has closed.
 */
export class BalancerRemoval {
  readonly #deps: BalancerRemovalDeps;
  #place: BalancerPlace;
  #isOver = false;

  constructor(deps: BalancerRemovalDeps, place: BalancerPlace) {
    this.#deps = deps;
    this.#place = place;
  }

  /** Where the balancer is counted, as long as it is. */
  get place(): BalancerPlace {
    return this.#place;
  }

  /**
   * Begins. Resolves when no new client comes in, with what became of those that are there; begun
   * again, it can shorten their time.
   */
  async begin(drainTimeoutMs: number, how: RemoveHow): Promise<TouchedConnections> {
    const { listeners, connections } = this.#deps;
    if (how.keepsAddresses) await listeners.leave();
    else if (how.endsWithListeners && drainTimeoutMs > 0) await listeners.seal();
    else await listeners.change(nowhere);
    if (connections.open === 0) {
      await listeners.change(nowhere);
      this.#end();
      return untouched;
    }
    const ended = await connections.endAll(drainTimeoutMs, () => this.#onIdle());
    return { ...ended, kept: 0 };
  }

  /** Ends without asking the workers, which are no more: gives the addresses back, and tells nothing. */
  abandon(): void {
    this.#isOver = true;
    this.#deps.connections.stop();
    this.#deps.listeners.abandon();
  }

  /** The last connection has closed. */
  #onIdle(): void {
    const { listeners } = this.#deps;
    if (listeners.binds.length === 0) return this.#end();
    // Called again while that goes on, it finds nothing to close.
    void listeners.change(nowhere).then(() => this.#end());
  }

  #end(): void {
    if (this.#isOver) return;
    const { connections, numbers, onOver } = this.#deps;
    const rows = numbers.rows();
    if (!this.#gaveBackSlots()) return void connections.endAll(0, () => this.#end());
    this.#isOver = true;
    connections.stop();
    onOver(rows);
  }

  /** False when a worker that did not hear of the end has let one more client in. */
  #gaveBackSlots(): boolean {
    const { table, ledger } = this.#deps;
    table.deliver([], false);
    if (table.entries().length > 0) return false;
    const outcome = ledger.retire(this.#place.slot);
    if (!outcome.retired) this.#place = { ...this.#place, slot: outcome.slot };
    return outcome.retired;
  }
}

const nowhere: SpokenBinds = { bind: [], protocol: "tcp" };

/** Nobody was connected. */
export const untouched: TouchedConnections = { kept: 0, drained: 0, cut: 0 };
