import type { Backend } from "#shared/definition/backend.ts";
import type { Source } from "#shared/definition/discovery/discovery.ts";

import type { DiscoveryLoop, SourceBefore } from "./discovery-loop.ts";
import type { NamedAnswer } from "./named-answer.ts";
import type { LeaveOutOwn } from "./own-backends.ts";

/** A source, by what it is: its key stays wherever it stands and whatever is made of its answers. */
export interface KeyedSource {
  readonly source: Source;
  readonly key: string;
}

/** One that runs no more. */
export interface FormerSource {
  readonly definition: Source;
  readonly key: string;
  readonly backends: readonly Backend[] | undefined;
  readonly loop: Pick<DiscoveryLoop, "status" | "shrunk">;
}

/** Where a source that begins can have been before. */
export interface FormerPlaces {
  /** Those that the change has ended. */
  readonly former: Iterable<FormerSource>;
  /** The one of them that stood at its place and is in the definition no more. */
  readonly replaced: FormerSource | undefined;
  readonly recall: (key: string) => NamedAnswer | undefined;
  /** What was named before may be where the balancer listens now. */
  readonly leaveOutOwn: LeaveOutOwn;
}

/** What a source begins with. */
export interface KnownBefore {
  /** What counts as named by it until it has answered; undefined: nothing. */
  readonly backends: readonly Backend[] | undefined;
  readonly before: SourceBefore | undefined;
}

/** Whether what it named last is worth more than nothing when it fails. */
export function isRemembered(source: Source): boolean {
  return source.kind !== "static" && source.failPolicy === "keeplast";
}

/**
 * The same source in other terms hands on all that it knows; one that is remembered begins with what
 * it named; one that only stands where another stood keeps that one's backends, as long as nothing
 * better is known.
 */
export function knownBefore(wanted: KeyedSource, places: FormerPlaces): KnownBefore {
  const { backends, before } = namedBefore(wanted, places);
  const others = (named: readonly Backend[]) => places.leaveOutOwn(named).others;
  const answer = before?.answer && { ...before.answer, backends: others(before.answer.backends) };
  return { backends: backends && others(backends), before: before && { ...before, answer } };
}

function namedBefore(wanted: KeyedSource, places: FormerPlaces): KnownBefore {
  const { source, key } = wanted;
  const same = [...places.former].find((former) => former.key === key);
  if (same !== undefined) {
    const answer = isRemembered(source) ? answerOf(same) : undefined;
    const before = { answer, shrunk: same.loop.shrunk };
    return { backends: same.backends, before };
  }
  const answer = isRemembered(source) ? places.recall(key) : undefined;
  if (answer === undefined) return { backends: places.replaced?.backends, before: undefined };
  const { backends } = answer;
  const shrunk = { count: backends.length, shrunkSinceMs: undefined };
  return { backends, before: { answer, shrunk } };
}

/** What it named itself, if it did, and goes by. */
function answerOf({ definition, backends, loop }: FormerSource): NamedAnswer | undefined {
  const { lastSuccessMs } = loop.status();
  if (backends === undefined || lastSuccessMs === null) return undefined;
  return isRemembered(definition) ? { backends, saidMs: lastSuccessMs } : undefined;
}
