import type { Source } from "#shared/definition/discovery/discovery.ts";
import { emptyAnswerOf } from "#shared/definition/discovery/empty-answer.ts";

import { failedFetch, type DiscoverySource, type Fetched } from "./discovery.ts";

/** The source, for which an answer without any entry is a failure where its definition says so. */
export function judgingEmptyAnswers(source: DiscoverySource, definition: Source): DiscoverySource {
  if (definition.kind === "static" || emptyAnswerOf(definition) === "accept") return source;
  return { ...source, fetch: (signal) => source.fetch(signal).then(failedIfEmpty) };
}

function failedIfEmpty(fetched: Fetched): Fetched {
  if (!fetched.ok || fetched.backends.length > 0) return fetched;
  const others = fetched.skipped === undefined ? "" : `; ${fetched.skipped.detail}`;
  return { ...failedFetch("empty", `it names no backend${others}`), isAnswered: true };
}
