import type { Balancer } from "#shared/definition/balancer.ts";

import { ClientLedger, createClientMemory, type ClientMemory } from "../pool/client-memory.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import { createStickyMemory, type StickyMemory } from "../pool/sticky-table.ts";

/** Memory that the workers of one balancer share besides its slots. */
export interface SharedTables {
  readonly sticky: StickyMemory | undefined;
  readonly clients: ClientMemory | undefined;
}

export interface BalancerMemoryDeps {
  readonly ledger: SlotLedger;
  readonly random: () => number;
}

/**
 * What a balancer remembers of its clients, made when its definition first asks for it and kept as
 * long as the definition asks for the same: another expiry or limit forgets nobody.
 */
export class BalancerMemory {
  readonly #deps: BalancerMemoryDeps;
  #sticky: { readonly entriesMax: number; readonly memory: StickyMemory } | undefined;
  #clients: { readonly prefixes: string; readonly memory: ClientMemory } | undefined;
  #unsettle: () => void = () => undefined;

  constructor(deps: BalancerMemoryDeps) {
    this.#deps = deps;
  }

  /** The memory that the definition needs. */
  of(definition: Balancer): SharedTables {
    return {
      sticky: this.#stickyOf(definition.strategyOptions?.sticky?.entriesMax),
      clients: this.#clientsOf(definition.limits.perClient),
    };
  }

  /** Nobody uses it any more. */
  release(): void {
    this.#unsettle();
  }

  #stickyOf(entriesMax: number | undefined): StickyMemory | undefined {
    if (this.#sticky?.entriesMax === entriesMax) return this.#sticky?.memory;
    this.#sticky =
      entriesMax === undefined
        ? undefined
        : { entriesMax, memory: createStickyMemory(entriesMax, this.#deps.random) };
    return this.#sticky?.memory;
  }

  /** Connections that were let in before give their places back where they took them. */
  #clientsOf(perClient: Balancer["limits"]["perClient"]): ClientMemory | undefined {
    const prefixes = perClient && `${perClient.ipv4Prefix} ${perClient.ipv6Prefix}`;
    if (this.#clients?.prefixes === prefixes) return this.#clients?.memory;
    const { ledger, random } = this.#deps;
    this.#unsettle();
    this.#unsettle = () => undefined;
    this.#clients = undefined;
    if (prefixes === undefined) return undefined;
    const memory = createClientMemory({ workers: ledger.memory.workers, random });
    this.#unsettle = ledger.settleAlong(new ClientLedger(memory));
    this.#clients = { prefixes, memory };
    return memory;
  }
}
