import type { Problem } from "#shared/base/problem.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { listedBackends, managedBackends } from "#shared/validation/pointed-backends.ts";
import { boundedProblems } from "#shared/validation/problem-list.ts";

/**
 * Warnings for backends whose `sni` has a `*` where names are compared as they stand: no client asks
 * for such a name.
 */
export function starredNames(balancer: Balancer): readonly Problem[] {
  if (balancer.sni?.hostnameMatchingStrategy !== "exact") return [];
  const backends = [
    ...listedBackends(balancer.discovery),
    ...managedBackends(balancer.managedBackends),
  ];
  const warnings = backends.flatMap(({ sni = "", pointer }) =>
    sni.includes("*")
      ? [{ pointer: `${pointer}/sni`, code: "literal-star", detail: detailOf(sni) }]
      : [],
  );
  return boundedProblems(warnings);
}

function detailOf(name: string): string {
  return (
    "no client asks for such a name, which is compared as it stands; with " +
    `hostnameMatchingStrategy "regexp", for all backends, it would be ${JSON.stringify(patternOf(name))}`
  );
}

/** The RE2 pattern for a name in which a star stands for one label, or a part of one. */
function patternOf(name: string): string {
  const literals = name
    .split("*")
    .map((text) => text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return `(?i)^${literals.join("[^.]+")}$`;
}
