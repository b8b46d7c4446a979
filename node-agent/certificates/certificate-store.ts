import type { StoredCertificate, StoredCertificates } from "./stored-certificates.ts";

/** The certificates of the node, opened, in memory only. */
export class CertificateStore implements StoredCertificates {
  readonly #certificates = new Map<string, StoredCertificate>();
  readonly #listeners = new Set<(ids: ReadonlySet<string>) => void>();

  get(id: string): StoredCertificate | undefined {
    return this.#certificates.get(id);
  }

  /** Takes these; others stay. Who listens hears of those that are new or another now. */
  put(certificates: ReadonlyMap<string, StoredCertificate>): void {
    const changed = [...certificates].filter(([id, it]) => !isSame(this.#certificates.get(id), it));
    for (const [id, certificate] of changed) this.#certificates.set(id, certificate);
    this.#tell(changed.map(([id]) => id));
  }

  /** Forgets all others. */
  keepOnly(ids: ReadonlySet<string>): void {
    const gone = [...this.#certificates.keys()].filter((id) => !ids.has(id));
    for (const id of gone) this.#certificates.delete(id);
    this.#tell(gone);
  }

  onChange(listener: (ids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(ids: readonly string[]): void {
    if (ids.length === 0) return;
    for (const listener of this.#listeners) listener(new Set(ids));
  }
}

function isSame(known: StoredCertificate | undefined, other: StoredCertificate): boolean {
  return known?.certificatePem === other.certificatePem && known.keyPem === other.keyPem;
}
