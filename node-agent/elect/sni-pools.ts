import { sniNamesKept } from "#shared/base/limits.ts";
import type { Pattern } from "#shared/base/pattern.ts";

import type { Candidate } from "../pool/pool-view.ts";
import type { PatternShelf } from "./pattern-shelf.ts";
import { ProtocolPools } from "./protocol-pools.ts";

/** How backends are chosen by name, as definitions have it. */
export interface SniTerms {
  readonly matching: "exact" | "regexp";
  readonly unexpected: "default" | "reject" | "any";
}

/** What a client asks for. */
export interface Requested {
  /** Empty when it asks for no name. */
  readonly name: string;
  /** Application protocols, those it likes best first; when one was agreed on, that one. */
  readonly protocols: readonly string[];
}

/** A backend that no name leads to, because its pattern cannot be used. */
export interface SkippedBackend {
  readonly backend: string;
  readonly detail: string;
}

export interface SniPoolsInput {
  readonly terms: SniTerms;
  /** In the order of their names. */
  readonly candidates: readonly Candidate[];
  readonly patterns: PatternShelf;
}

/** Which backends a client may go to by the name it asks for: prepared once for a set of backends. */
export class SniPools {
  readonly skipped: readonly SkippedBackend[];
  readonly #candidates: readonly Candidate[];
  readonly #unexpected: SniTerms["unexpected"];
  readonly #named: (name: string) => ProtocolPools | undefined;

  constructor({ terms, candidates, patterns }: SniPoolsInput) {
    this.#candidates = candidates;
    this.#unexpected = terms.unexpected;
    if (terms.matching === "exact") {
      this.#named = exactly(candidates);
      this.skipped = [];
    } else {
      const { usable, skipped } = withPatterns(candidates, patterns);
      this.#named = byPattern(usable);
      this.skipped = skipped;
    }
  }

  /**
   * Those that serve this name and one of these protocols; undefined when there are none, and the
   * terms name no others. The same list for all who get the same backends.
   */
  poolOf({ name, protocols }: Requested): readonly Candidate[] | undefined {
    if (this.#candidates.length === 0) return this.#candidates;
    const pool = this.#named(name)?.of(protocols);
    if (pool !== undefined) return pool;
    switch (this.#unexpected) {
      case "reject":
        return undefined;
      case "any":
        return this.#candidates;
      case "default":
        return this.#named("")?.of(protocols);
    }
  }
}

/** Equal in any case; no name is equal to no name. */
function exactly(candidates: readonly Candidate[]): (name: string) => ProtocolPools | undefined {
  const groups = Map.groupBy(candidates, ({ sni }) => sni.toLowerCase());
  const pools = new Map([...groups].map(([name, group]) => [name, new ProtocolPools(group)]));
  return (name) => pools.get(name.toLowerCase());
}

interface PatternedBackend {
  readonly candidate: Candidate;
  /** Undefined of a backend without a name, which only clients without one are for. */
  readonly pattern: Pattern | undefined;
}

function withPatterns(
  candidates: readonly Candidate[],
  shelf: PatternShelf,
): { readonly usable: readonly PatternedBackend[]; readonly skipped: readonly SkippedBackend[] } {
  const texts = new Set(candidates.map(({ sni }) => sni).filter((sni) => sni !== ""));
  const compiled = shelf.compile(texts);
  const usable: PatternedBackend[] = [];
  const skipped: SkippedBackend[] = [];
  for (const candidate of candidates) {
    const outcome = compiled.get(candidate.sni);
    if (outcome === undefined) usable.push({ candidate, pattern: undefined });
    else if (outcome.ok) usable.push({ candidate, pattern: outcome.pattern });
    else skipped.push({ backend: candidate.name, detail: outcome.detail });
  }
  return { usable, skipped };
}

/**
 * Each different pattern is tried once for a name, in time linear in the name's length, and what
 * came of it is kept for the next client that asks for the same one.
 */
function byPattern(
  backends: readonly PatternedBackend[],
): (name: string) => ProtocolPools | undefined {
  const patterns = new Set(backends.map(({ pattern }) => pattern));
  const answers = new Map<string, ProtocolPools | undefined>();
  const pools = new Map<string, ProtocolPools>();
  const lookUp = (name: string): ProtocolPools | undefined => {
    const matching = new Set([...patterns].filter((one) => one?.test(name) ?? name === ""));
    if (matching.size === 0) return undefined;
    const members = backends.filter(({ pattern }) => matching.has(pattern));
    const key = members.map(({ candidate }) => candidate.place).join();
    const pool = pools.get(key) ?? new ProtocolPools(members.map(({ candidate }) => candidate));
    pools.set(key, pool);
    return pool;
  };
  return (name) => {
    if (answers.has(name)) return answers.get(name);
    if (answers.size >= sniNamesKept) {
      answers.clear();
      pools.clear();
    }
    const pool = lookUp(name);
    answers.set(name, pool);
    return pool;
  };
}
