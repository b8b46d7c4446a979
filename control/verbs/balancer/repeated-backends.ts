import type { Problem } from "#shared/base/problem.ts";
import { backendName } from "#shared/definition/backend-name.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { sourcesOf } from "#shared/definition/discovery/discovery.ts";
import type { StaticDiscovery } from "#shared/definition/discovery/static.ts";
import { boundedProblems } from "#shared/validation/problem-list.ts";

/**
 * Warnings for backends that a list names again further down, however they were spelled: each counts
 * once, with what is said last.
 */
export function repeatedBackends({ discovery }: Balancer): readonly Problem[] {
  const warnings = sourcesOf(discovery).flatMap(({ source, pointer }) =>
    source.kind === "static" ? repeatedIn(source, `${pointer}/backends`) : [],
  );
  return boundedProblems(warnings);
}

function repeatedIn({ backends }: StaticDiscovery, pointer: string): readonly Problem[] {
  const names = backends.map(({ host, port }) => backendName(host, port));
  const lasts = new Map(names.map((name, index) => [name, index]));
  return names.flatMap((name, index) => {
    const last = lasts.get(name);
    if (last === undefined || last === index) return [];
    const detail = `${name} is listed again at ${pointer}/${last}; it counts once, with what is said there`;
    return [{ pointer: `${pointer}/${index}`, code: "listed-twice", detail }];
  });
}
