import type { Candidate } from "../pool/pool-view.ts";

/** Backends of one name, told apart by the application protocols (ALPN) that they are for. */
export class ProtocolPools {
  readonly #byProtocol: ReadonlyMap<string, readonly Candidate[]>;
  readonly #others: readonly Candidate[];

  constructor(candidates: readonly Candidate[]) {
    const protocols = new Set(candidates.flatMap(({ alpn }) => alpn ?? []));
    this.#byProtocol = new Map(
      [...protocols].map((protocol) => [
        protocol,
        candidates.filter(({ alpn }) => alpn?.includes(protocol)),
      ]),
    );
    this.#others = candidates.filter(({ alpn }) => alpn === undefined);
  }

  /**
   * The backends for the first of the client's protocols that some are for; where none is, those that
   * ask for no protocol; undefined when there are none.
   */
  of(protocols: readonly string[]): readonly Candidate[] | undefined {
    for (const protocol of protocols) {
      const pool = this.#byProtocol.get(protocol);
      if (pool !== undefined) return pool;
    }
    return this.#others.length > 0 ? this.#others : undefined;
  }
}
