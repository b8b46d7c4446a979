import { hostCharsMax, searchDomainsMax } from "#shared/base/limits.ts";

/** How resolv.conf(5) wants short names completed. */
export interface SearchDomains {
  readonly domains: readonly string[];
  /** A name with so many dots is asked as it is first. */
  readonly ndots: number;
}

const noSearchDomains: SearchDomains = { domains: [], ndots: 1 };

/** The `search` (or `domain`) and `options ndots` lines of a resolv.conf; the last of each holds. */
export function parseSearchDomains(text: string): SearchDomains {
  let { domains, ndots } = noSearchDomains;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "search") domains = values.slice(0, searchDomainsMax);
    if (keyword === "domain") domains = values.slice(0, 1);
    if (keyword === "options") ndots = ndotsOf(values) ?? ndots;
  }
  return { domains: domains.map(withoutFinalDot).filter((domain) => domain !== ""), ndots };
}

/** The names to ask for, in order, until one of them exists. A final dot means: as it is, only. */
export function namesToAsk(name: string, search: SearchDomains): readonly string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const completed = search.domains
    .map((domain) => `${name}.${domain}`)
    .filter((full) => full.length <= hostCharsMax);
  const dots = name.split(".").length - 1;
  return dots >= search.ndots ? [name, ...completed] : [...completed, name];
}

function ndotsOf(options: readonly string[]): number | undefined {
  const option = options.findLast((one) => /^ndots:\d+$/.test(one));
  return option === undefined ? undefined : Math.min(15, Number(option.slice("ndots:".length)));
}

function withoutFinalDot(domain: string): string {
  return domain.endsWith(".") ? domain.slice(0, -1) : domain;
}
