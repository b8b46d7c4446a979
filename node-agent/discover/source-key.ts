import type { Source } from "#shared/definition/discovery/discovery.ts";
import { mapSecrets } from "#shared/definition/secret.ts";
import { withMaskedUrls } from "#shared/definition/url-secrets.ts";
import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import type { Transport } from "./create-source.ts";

/**
 * Fields that do not say which source it is: how often and how long it is asked, what its answers
 * and failures mean, and what is shown to be let in, which is renewed now and then.
 */
const otherFields: ReadonlySet<string> = new Set([
  "interval",
  "timeout",
  "failPolicy",
  "shrinkGuard",
  "emptyAnswer",
  "nxdomain",
  "followTtl",
  "tls",
]);

/**
 * What these sources are, whatever their order: one key for each, the same for the same kind that
 * asks in the same place for the same thing. No secret takes part. Of several with one key each has
 * its own, by their order.
 */
export function sourceKeys(sources: readonly Source[], transport: Transport): readonly string[] {
  const counts = new Map<string, number>();
  return sources.map((source) => {
    const key = sourceKey(source, transport);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count === 1 ? key : `${key}-${count}`;
  });
}

function sourceKey(source: Source, transport: Transport): string {
  const { discovery } = withMaskedUrls(mapSecrets({ discovery: source }, () => ""));
  const fields = Object.entries(discovery);
  const identity = Object.fromEntries(fields.filter(([field]) => !otherFields.has(field)));
  return sha256Hex(canonicalJson({ source: identity, transport }));
}
