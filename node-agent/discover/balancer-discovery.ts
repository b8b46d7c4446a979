import { isDeepStrictEqual } from "node:util";

import type { Backend } from "#shared/definition/backend.ts";
import { sourcesOf, type Discovery, type Source } from "#shared/definition/discovery/discovery.ts";

import {
  createSource,
  sourceTerms,
  type CreateSourceDeps,
  type Transport,
} from "./create-source.ts";
import { DiscoveryLoop } from "./discovery-loop.ts";
import type { FetchLine, FetchRooms } from "./fetch-room.ts";
import type { SourceEvent, SourceStatus } from "./source-status.ts";

export interface BalancerDiscoveryDeps extends Pick<CreateSourceDeps, "clock" | "lookup"> {
  readonly random: () => number;
  /** Shared by all balancers of the node. */
  readonly rooms: FetchRooms;
  /** Everything that all sources name, in the order of the sources. */
  readonly onBackends: (backends: readonly Backend[]) => void;
  readonly onEvent: (event: SourceEvent, source: Pick<SourceStatus, "pointer" | "kind">) => void;
}

interface RunningSource {
  readonly definition: Source;
  pointer: string;
  readonly loop: DiscoveryLoop;
  /** What it names; before its first answer, what stood at its place before. Undefined: nothing yet. */
  backends: readonly Backend[] | undefined;
  readonly settled: PromiseWithResolvers<undefined>;
}

/**
 * All sources of one balancer, each with a loop and a policy of its own, and what they name
 * together. A source that fails or hangs takes nothing from the others.
 */
export class BalancerDiscovery {
  readonly #deps: BalancerDiscoveryDeps;
  readonly #lines: { readonly fetches: FetchLine; readonly commands: FetchLine };
  #sources: readonly RunningSource[] = [];
  #transport: Transport = "tcp";

  constructor(deps: BalancerDiscoveryDeps) {
    const { fetches, commands } = deps.rooms;
    this.#deps = deps;
    this.#lines = { fetches: fetches.line(), commands: commands.line() };
  }

  /**
   * Runs these sources from now on. One that did not change goes on as it is; one that takes the
   * place of another keeps that one's backends until it has answered itself. Resolves when every
   * new source has answered or failed once, or was stopped.
   */
  async change(discovery: Discovery, transport: Transport): Promise<void> {
    const before = this.#sources;
    const wanted = sourcesOf(discovery);
    const left = new Set(before);
    const isSame = transport === this.#transport;
    this.#transport = transport;
    const kept = wanted.map(({ source }) => (isSame ? takeEqual(left, source) : undefined));
    this.#sources = wanted.map(({ source, pointer }, index) => {
      const running = kept[index];
      if (running === undefined) {
        return this.#start(source, pointer, backendsAt(before, index, left));
      }
      running.pointer = pointer;
      return running;
    });
    for (const source of left) stop(source);
    if (left.size > 0) this.#deliver();
    await Promise.all(this.#sources.map(({ settled }) => settled.promise));
  }

  status(): readonly SourceStatus[] {
    return this.#sources.map(({ definition, pointer, loop }) => ({
      pointer,
      kind: definition.kind,
      ...loop.status(),
    }));
  }

  /** Ends all fetches at once, also those under way; nothing is delivered afterwards. */
  stop(): void {
    for (const source of this.#sources) stop(source);
    this.#sources = [];
  }

  #start(
    definition: Source,
    pointer: string,
    inherited: readonly Backend[] | undefined,
  ): RunningSource {
    const source = createSource({ ...this.#deps, transport: this.#transport }, definition);
    const settled = Promise.withResolvers<undefined>();
    const loop = new DiscoveryLoop(
      { ...this.#deps, source, line: this.#lineOf(definition) },
      {
        ...sourceTerms(definition),
        onBackends: (backends) => {
          running.backends = backends;
          this.#deliver();
          settled.resolve(undefined);
        },
        onEvent: (event) => {
          const { kind } = definition;
          this.#deps.onEvent(event, { pointer: running.pointer, kind });
          if (event.kind === "discovery.failed") settled.resolve(undefined);
        },
      },
    );
    const running: RunningSource = { definition, pointer, loop, backends: inherited, settled };
    return running;
  }

  #lineOf({ kind }: Source): FetchLine | undefined {
    if (kind === "static") return undefined;
    return kind === "exec" ? this.#lines.commands : this.#lines.fetches;
  }

  /** As long as no source has named anything, there is nothing to deliver, not even an empty list. */
  #deliver(): void {
    const lists = this.#sources.flatMap(({ backends }) =>
      backends === undefined ? [] : [backends],
    );
    if (lists.length > 0) this.#deps.onBackends(lists.flat());
  }
}

/** The first of these that has the same definition, taken out of them. */
function takeEqual(left: Set<RunningSource>, source: Source): RunningSource | undefined {
  const equal = [...left].find(({ definition }) => isDeepStrictEqual(definition, source));
  if (equal !== undefined) left.delete(equal);
  return equal;
}

/** What the source that leaves this place has named. */
function backendsAt(
  before: readonly RunningSource[],
  index: number,
  left: ReadonlySet<RunningSource>,
): readonly Backend[] | undefined {
  const predecessor = before[index];
  return predecessor !== undefined && left.has(predecessor) ? predecessor.backends : undefined;
}

function stop({ loop, settled }: RunningSource): void {
  loop.stop();
  settled.resolve(undefined);
}
