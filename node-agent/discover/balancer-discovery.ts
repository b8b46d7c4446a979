import { isDeepStrictEqual } from "node:util";

import type { Backend } from "#shared/definition/backend.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { sourcesOf, type Source } from "#shared/definition/discovery/discovery.ts";

import { hostAddresses } from "../runtime/host-addresses.ts";
import {
  createSource,
  sourceTerms,
  type CreateSourceDeps,
  type Transport,
} from "./create-source.ts";
import { DiscoveryLoop } from "./discovery-loop.ts";
import type { FetchLine, FetchRooms } from "./fetch-room.ts";
import {
  isRemembered,
  knownBefore,
  type FormerSource,
  type KeyedSource,
  type KnownBefore,
} from "./known-before.ts";
import type { NamedAnswer } from "./named-answer.ts";
import { ownBackends, type LeaveOutOwn } from "./own-backends.ts";
import { sourceKeys } from "./source-key.ts";
import type { SourceEvent, SourceStatus } from "./source-status.ts";

export interface BalancerDiscoveryDeps extends Pick<CreateSourceDeps, "clock" | "lookup"> {
  readonly random: () => number;
  /** Shared by all balancers of the node. */
  readonly rooms: FetchRooms;
  /** What sources named last, by their keys; it outlives this balancer's process. */
  readonly memory: AnswerMemory;
  /** Everything that all sources name, in the order of the sources. */
  readonly onBackends: (backends: readonly Backend[]) => void;
  readonly onEvent: (event: SourceEvent, source: Pick<SourceStatus, "pointer" | "kind">) => void;
}

/** Remembers what the sources of one balancer named last. */
export interface AnswerMemory {
  recall(key: string): NamedAnswer | undefined;
  remember(key: string, answer: NamedAnswer): void;
  /** These sources are to be remembered, and no other. */
  keep(keys: ReadonlySet<string>): void;
}

interface PlacedSource extends KeyedSource {
  readonly pointer: string;
}

interface RunningSource extends FormerSource {
  key: string;
  pointer: string;
  readonly loop: DiscoveryLoop;
  /** What it names; before its first answer, what is known from before. Undefined: nothing yet. */
  backends: readonly Backend[] | undefined;
  readonly settled: PromiseWithResolvers<undefined>;
}

/** What the sources of a balancer are, and what their answers are judged by. */
export type Discovering = Pick<Balancer, "discovery" | "protocol" | "bind">;

/** What the answers of all sources are judged by. */
interface AnswerTerms {
  readonly transport: Transport;
  readonly bind: readonly string[];
}

/**
 * All sources of one balancer, each with a loop and a policy of its own, and what they name
 * together. A source that fails or hangs takes nothing from the others.
 */
export class BalancerDiscovery {
  readonly #deps: BalancerDiscoveryDeps;
  readonly #lines: { readonly fetches: FetchLine; readonly commands: FetchLine };
  #sources: readonly RunningSource[] = [];
  #terms: AnswerTerms = { transport: "tcp", bind: [] };
  #leaveOutOwn: LeaveOutOwn = ownBackends([], hostAddresses);

  constructor(deps: BalancerDiscoveryDeps) {
    const { fetches, commands } = deps.rooms;
    this.#deps = deps;
    this.#lines = { fetches: fetches.line(), commands: commands.line() };
  }

  /**
   * Runs these sources from now on. One that did not change goes on as it is, unless the balancer
   * listens elsewhere. One that is the same source in other terms, wherever it stands now, keeps what
   * it has named until it has answered anew; so does one that is remembered, and one that replaces
   * another at its place keeps what that one had named. The balancer itself is never among it.
   * Resolves when every new source has answered or failed once, or was stopped.
   */
  async change(balancer: Discovering): Promise<void> {
    const before = this.#sources;
    const isSame = this.#changeTerms(balancer);
    const wanted = placed(balancer, this.#terms.transport);
    const left = new Set(before);
    const kept = wanted.map(({ source }) => (isSame ? takeEqual(left, source) : undefined));
    const keys = new Set(wanted.map(({ key }) => key));
    const gone = new Set([...left].filter(({ key }) => !keys.has(key)));
    this.#sources = wanted.map((one, index) => {
      const { key, pointer } = one;
      const running = kept[index];
      if (running !== undefined) return Object.assign(running, { key, pointer });
      const replaced = before[index];
      const places = {
        former: left,
        replaced: replaced && gone.has(replaced) ? replaced : undefined,
        recall: (wantedKey: string) => this.#deps.memory.recall(wantedKey),
        leaveOutOwn: this.#leaveOutOwn,
      };
      return this.#start(one, knownBefore(one, places));
    });
    for (const source of left) stop(source);
    this.#rememberOnly(wanted);
    this.#deliver();
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

  /** Whether they are what they were. */
  #changeTerms({ protocol, bind }: Discovering): boolean {
    const terms: AnswerTerms = { transport: protocol === "udp" ? "udp" : "tcp", bind };
    if (isDeepStrictEqual(this.#terms, terms)) return true;
    this.#terms = terms;
    this.#leaveOutOwn = ownBackends(bind, hostAddresses);
    return false;
  }

  #start({ source: definition, key, pointer }: PlacedSource, known: KnownBefore): RunningSource {
    const { transport } = this.#terms;
    const leaveOutOwn = this.#leaveOutOwn;
    const source = createSource({ ...this.#deps, transport, leaveOutOwn }, definition);
    const settled = Promise.withResolvers<undefined>();
    const loop = new DiscoveryLoop(
      { ...this.#deps, source, line: this.#lineOf(definition) },
      {
        ...sourceTerms(definition),
        before: known.before,
        onBackends: (backends) => {
          running.backends = backends;
          this.#remember(running);
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
    const { backends } = known;
    const running: RunningSource = { definition, key, pointer, loop, backends, settled };
    return running;
  }

  #remember({ definition, key, backends }: RunningSource): void {
    if (backends === undefined || !isRemembered(definition)) return;
    const { memory, clock } = this.#deps;
    memory.remember(key, { backends, saidMs: clock.nowMs() });
  }

  #rememberOnly(wanted: readonly PlacedSource[]): void {
    const remembered = wanted.filter(({ source }) => isRemembered(source));
    this.#deps.memory.keep(new Set(remembered.map(({ key }) => key)));
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

function placed({ discovery }: Discovering, transport: Transport): readonly PlacedSource[] {
  const sources = sourcesOf(discovery);
  const keys = sourceKeys(
    sources.map(({ source }) => source),
    transport,
  );
  return sources.map((one, index) => ({ ...one, key: keys[index] ?? "" }));
}

/** The first of these that has the same definition, taken out of them. */
function takeEqual(left: Set<RunningSource>, source: Source): RunningSource | undefined {
  const equal = [...left].find(({ definition }) => isDeepStrictEqual(definition, source));
  if (equal !== undefined) left.delete(equal);
  return equal;
}

function stop({ loop, settled }: RunningSource): void {
  loop.stop();
  settled.resolve(undefined);
}
