import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { certificateReloadMs } from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";

import type { CertificateEnd } from "../certificates/chain-end.ts";
import { ExpiryWatch } from "../certificates/expiry-watch.ts";
import {
  loadTls,
  type LoadedTls,
  type LoadTlsDeps,
  type LoadTlsOutcome,
} from "../certificates/load-tls.ts";
import type { StoredCertificates } from "../certificates/stored-certificates.ts";
import type { TicketKeys } from "../certificates/ticket-keys.ts";
import type { Driver } from "../engine/engine.ts";
import type { ClientTlsTerms } from "../engine/tls-terms.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";
import type { ServedBefore } from "./served-before.ts";
import { unshownCertificates } from "./unshown-certificates.ts";
import type { TlsTerms } from "./worker-protocol.ts";

export interface BalancerTlsDeps {
  readonly clock: Clock;
  readonly balancer: string;
  readonly driver: Driver;
  readonly loading: LoadTlsDeps;
  readonly storedCertificates: StoredCertificates | undefined;
  readonly ticketKeys: Pick<TicketKeys, "keysFor">;
  /** A balancer that was served before starts with what is in its files, whatever is wrong with it. */
  readonly servedBefore: Pick<ServedBefore, "has">;
  readonly tell: (event: DataPlaneEvent) => void;
  /** What is loaded is another one now. */
  readonly onChanged: () => void;
}

export type LoadedBalancerTls =
  | { readonly ok: true; readonly commit: () => void }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** How the certificates of a balancer are. */
export interface CertificatesStatus {
  /**
   * Why what was read last cannot be used: what was read before is used on. What is wrong with what
   * is used for want of anything better. And what is used by nobody, because this driver does not
   * show it (`not-shown`). Empty when all is well.
   */
  readonly problems: readonly Problem[];
  /** When those in use are over. */
  readonly ends: readonly CertificateEnd[];
}

const nothingLoaded: LoadedTls = {
  clients: undefined,
  backends: undefined,
  ends: [],
  fileChains: [],
  doubts: [],
};

/** What is said of TLS to the workers, but for the number that tells it from what was said before. */
type Said = Omit<TlsTerms, "version">;

/**
 * The TLS of one balancer on the main thread: what its definition names, read, and read again while
 * it serves. What cannot be used any more leaves in place what could.
 */
export class BalancerTls {
  readonly #deps: BalancerTlsDeps;
  #definition: Balancer | undefined;
  readonly #expiry = new ExpiryWatch();
  #loaded: LoadedTls = nothingLoaded;
  #version = 0;
  /** What is wrong with the certificates that were read last, and was told; the ones before serve on. */
  #problems: readonly Problem[] = [];
  #reloading: Timer | undefined;
  #forgetStored: (() => void) | undefined;

  constructor(deps: BalancerTlsDeps) {
    this.#deps = deps;
  }

  /** Reads what the definition names, its secrets revealed. Nothing changes until it is committed. */
  async load(definition: Balancer): Promise<LoadedBalancerTls> {
    const outcome = await this.#read(definition);
    if (!outcome.ok) return outcome;
    const commit = (): void => {
      this.#take(definition, outcome.value);
      if (definition.tls !== undefined || definition.backendTls !== undefined) this.#watch();
    };
    return { ok: true, commit };
  }

  /** For the workers; undefined when both sides are in clear. The version is another one when the rest is. */
  terms(): TlsTerms | undefined {
    const said = this.#said();
    return said && { version: this.#version, ...said };
  }

  status(): CertificatesStatus {
    const { clients, ends } = this.#loaded;
    const unshown = unshownCertificates(this.#deps.driver, clients);
    return { problems: [...this.#problems, ...unshown], ends };
  }

  #said(): Said | undefined {
    const { tls, backendTls, proxyProtocol } = this.#definition ?? {};
    const { clients, backends } = this.#loaded;
    if (clients === undefined && backends === undefined) return undefined;
    return {
      clients: tls && clients && this.#clientTerms(tls, clients),
      backends:
        backendTls && backends
          ? {
              terms: {
                ...backends,
                verify: !backendTls.ignoreVerify,
                resumes: backendTls.sessionTickets,
              },
              name: backendTls.serverName,
              alpn: backendTls.alpn ?? [],
              prefix: proxyProtocol?.beforeTls === true ? "before" : "inside",
            }
          : undefined,
    };
  }

  /** Ticket keys have changed: workers want new terms. */
  renew(): void {
    if (this.#definition?.tls?.sessionTickets !== true) return;
    this.#version += 1;
    this.#deps.onChanged();
  }

  stop(): void {
    this.#reloading?.stop();
    this.#forgetStored?.();
    this.#definition = undefined;
  }

  #clientTerms(
    tls: NonNullable<Balancer["tls"]>,
    { identities, authoritiesPem, handshake }: NonNullable<LoadedTls["clients"]>,
  ): ClientTlsTerms {
    const mode = tls.clientAuth?.mode ?? "none";
    const asks = createHash("sha256").update(`${mode} ${authoritiesPem}`).digest("hex");
    return {
      identities,
      handshake,
      alpn: tls.alpn ?? [],
      clientAuth: { mode, authoritiesPem },
      ticketKeys: tls.sessionTickets
        ? this.#deps.ticketKeys.keysFor(`${this.#deps.balancer} ${asks}`)
        : [],
    };
  }

  /** True when workers have to hear of it: terms that stay keep sessions and contexts that workers have. */
  #take(definition: Balancer, loaded: LoadedTls): boolean {
    const { balancer, tell } = this.#deps;
    const before = this.#said();
    this.#definition = definition;
    this.#loaded = loaded;
    const { doubts } = loaded;
    if (this.#problems.length > 0 && doubts.length === 0) {
      tell({ kind: "certificates.recovered", balancer });
    }
    this.#tellProblems(doubts);
    const isChanged = !isDeepStrictEqual(before, this.#said());
    if (isChanged) this.#version += 1;
    return isChanged;
  }

  #tellEnds(): void {
    const { balancer, clock, tell } = this.#deps;
    for (const warning of this.#expiry.due(this.#loaded.ends, clock.nowMs())) {
      tell({ kind: "certificates.expiring", balancer, ...warning });
    }
  }

  #read(definition: Balancer): Promise<LoadTlsOutcome> {
    const { clock, loading, balancer, servedBefore } = this.#deps;
    const isStart = this.#definition === undefined;
    const { fileChains } = this.#loaded;
    return loadTls(loading, definition, {
      nowMs: clock.nowMs(),
      isServed: (chain) => (isStart ? servedBefore.has(balancer) : fileChains.includes(chain)),
    });
  }

  /** Files change without a word, stored certificates with one. */
  #watch(): void {
    const { clock, storedCertificates } = this.#deps;
    this.#reloading ??= clock.every(certificateReloadMs, () => void this.#reload());
    this.#forgetStored ??= storedCertificates?.onChange(() => void this.#reload());
  }

  async #reload(): Promise<void> {
    const definition = this.#definition;
    if (definition?.tls === undefined && definition?.backendTls === undefined) return;
    const outcome = await this.#read(definition);
    // Another definition, or none, has come meanwhile.
    if (definition !== this.#definition) return;
    if (!outcome.ok) return this.#tellProblems(outcome.problems);
    if (!this.#take(definition, outcome.value)) return;
    this.#deps.tell({ kind: "certificates.reloaded", balancer: this.#deps.balancer });
    this.#deps.onChanged();
  }

  #tellProblems(problems: readonly Problem[]): void {
    this.#tellEnds();
    const isKnown = isDeepStrictEqual(problems, this.#problems);
    this.#problems = problems;
    if (isKnown || problems.length === 0) return;
    const detail = problems.map(({ pointer, detail: why }) => `${pointer}: ${why}`).join("; ");
    this.#deps.tell({ kind: "certificates.failed", balancer: this.#deps.balancer, detail });
  }
}
