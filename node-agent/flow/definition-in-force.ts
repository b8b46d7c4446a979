import type { Balancer } from "#shared/definition/balancer.ts";
import { certificateIdsOf } from "#shared/definition/certificate-references.ts";

import type { VerifiedBalancer } from "../apply/flows.ts";
import { revealCertificates, type CertificateOf } from "../discover/reveal-certificates.ts";
import { revealSecrets } from "../discover/reveal-secrets.ts";
import type { AccessTerms } from "./access-trace.ts";
import { BalancerMemory, type BalancerMemoryDeps } from "./balancer-memory.ts";
import { balancerTerms } from "./balancer-terms.ts";
import {
  BalancerTls,
  type BalancerTlsDeps,
  type CertificatesStatus,
  type LoadedBalancerTls,
} from "./balancer-tls.ts";
import type { BalancerPlace, BalancerTerms } from "./worker-protocol.ts";

export interface DefinitionInForceDeps
  extends BalancerMemoryDeps, Omit<BalancerTlsDeps, "balancer"> {
  /** Certificates of the control plane that sources are shown. */
  readonly certificateOf: CertificateOf;
  /** Whether this node writes access logs. */
  readonly logsAccess: boolean;
}

/** The definition that a balancer runs by, and what that comes to on this node. */
export class DefinitionInForce {
  readonly #deps: DefinitionInForceDeps;
  readonly #place: BalancerPlace;
  readonly #memory: BalancerMemory;
  readonly #tls: BalancerTls;
  #balancer: VerifiedBalancer;

  constructor(deps: DefinitionInForceDeps, place: BalancerPlace, balancer: VerifiedBalancer) {
    this.#deps = deps;
    this.#place = place;
    this.#balancer = balancer;
    this.#memory = new BalancerMemory(deps);
    this.#tls = new BalancerTls({ ...deps, balancer: balancer.id });
  }

  get definition(): Balancer {
    return this.#balancer.definition;
  }

  /** The same as its sources and checks need it: with secrets and certificates in plain text. */
  get revealed(): Balancer {
    const { definition, secrets } = this.#balancer;
    return revealCertificates(revealSecrets(definition, secrets), this.#deps.certificateOf);
  }

  /** Ids of the stored certificates that it names. */
  get certificates(): readonly string[] {
    return certificateIdsOf(this.definition);
  }

  /**
   * Reads the files and certificates of another definition, or of this one before its first use. It
   * is in force once it is committed.
   */
  async load(balancer = this.#balancer): Promise<LoadedBalancerTls> {
    const loaded = await this.#tls.load(revealSecrets(balancer.definition, balancer.secrets));
    if (!loaded.ok) return loaded;
    const commit = (): void => {
      this.#balancer = balancer;
      loaded.commit();
    };
    return { ok: true, commit };
  }

  /** What workers have to know of it. */
  terms(): BalancerTerms {
    return balancerTerms(this.definition, this.#place, {
      tables: this.#memory.of(this.definition),
      accessLog: this.#accessTerms(),
      tls: this.#tls.terms(),
    });
  }

  /** How the certificates of its TLS are. */
  certificatesStatus(): CertificatesStatus {
    return this.#tls.status();
  }

  /** Session tickets have another key. */
  renewTickets(): void {
    this.#tls.renew();
  }

  /** Reads nothing any more. */
  stop(): void {
    this.#tls.stop();
  }

  /** Nobody uses the memory that it came with. */
  release(): void {
    this.#memory.release();
  }

  #accessTerms(): AccessTerms | undefined {
    const { name, accessLog } = this.definition;
    if (accessLog === undefined || !this.#deps.logsAccess) return undefined;
    return { balancer: this.#balancer.id, balancerName: name, sample: accessLog.sample };
  }
}
