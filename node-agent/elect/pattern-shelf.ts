import { patternsCostMax } from "#shared/base/limits.ts";
import { compilePattern, patternCost, type CompiledPattern } from "#shared/base/pattern.ts";

/**
 * Patterns of the backends of one balancer, each compiled once as long as some backend has it: pools
 * change with every health check that flips, patterns hardly ever.
 */
export class PatternShelf {
  #compiled = new Map<string, CompiledPattern>();

  /** The patterns, compiled; those that are no longer asked for are forgotten. */
  compile(texts: ReadonlySet<string>): ReadonlyMap<string, CompiledPattern> {
    const next = new Map<string, CompiledPattern>();
    let cost = 0;
    for (const text of texts) {
      cost += patternCost(text);
      next.set(text, cost > patternsCostMax ? tooCostly : this.#one(text));
    }
    this.#compiled = next;
    return next;
  }

  #one(text: string): CompiledPattern {
    const known = this.#compiled.get(text);
    return known === undefined || known === tooCostly ? compilePattern(text) : known;
  }
}

const tooCostly: CompiledPattern = {
  ok: false,
  detail: "the patterns of the backends are too large together",
};
