import { backendsPerBalancerMax, patternsCostMax } from "../../base/limits.ts";
import { patternCost } from "../../base/pattern.ts";
import type { Problem } from "../../base/problem.ts";
import { sourcesOf } from "../../definition/discovery/discovery.ts";
import { readPattern } from "../../definition/pattern-field.ts";
import type { Parts } from "../parts.ts";

/** Listed backends: not too many over all sources, and patterns where `sni` says so. */
export function backendRules({ right }: Parts): readonly Problem[] {
  if (right.discovery === undefined) return [];
  const listed = sourcesOf(right.discovery).flatMap(({ source, pointer }) =>
    source.kind === "static"
      ? source.backends.map((backend, index) => ({
          sni: backend.sni,
          pointer: `${pointer}/backends/${index}/sni`,
        }))
      : [],
  );
  const isPattern = right.sni?.hostnameMatchingStrategy === "regexp";
  return [...tooMany(listed.length), ...(isPattern ? wrongPatterns(listed) : [])];
}

/** Each different pattern is compiled once, and none when all of them together cost too much. */
function wrongPatterns(
  listed: readonly { readonly sni: string; readonly pointer: string }[],
): readonly Problem[] {
  const patterns = [...new Set(listed.map(({ sni }) => sni))];
  const cost = patterns.reduce((sum, pattern) => sum + patternCost(pattern), 0);
  if (cost > patternsCostMax) return [tooCostly];
  const readings = new Map(patterns.map((pattern) => [pattern, readPattern(pattern)]));
  return listed.flatMap(({ sni, pointer }) => {
    const reading = readings.get(sni);
    return reading?.ok === false ? [{ pointer, code: reading.code, detail: reading.detail }] : [];
  });
}

const tooCostly: Problem = {
  pointer: "/discovery",
  code: "out-of-range",
  detail: "the patterns of the backends are too large together: use fewer counted repetitions",
};

function tooMany(count: number): readonly Problem[] {
  if (count <= backendsPerBalancerMax) return [];
  const detail = `lists ${count} backends; a balancer has at most ${backendsPerBalancerMax}`;
  return [{ pointer: "/discovery", code: "out-of-range", detail }];
}
