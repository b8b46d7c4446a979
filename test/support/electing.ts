import {
  createElector,
  type Election,
  type ElectionTerms,
  type StrategyName,
} from "../../node-agent/elect/elect.ts";
import type { ElectionSources } from "../../node-agent/elect/election-sources.ts";
import type { ElectingClient } from "../../node-agent/elect/strategy.ts";
import type { Candidate } from "../../node-agent/pool/pool-view.ts";
import { seededRandom } from "./seeded-random.ts";

/** What elections of a test look at: it may be changed while they go on. */
export interface TestSources extends ElectionSources {
  /** By slot: what `inUse` and `rate` say. */
  readonly connections: Map<number, number>;
  readonly rates: Map<number, number>;
  nowMsValue: number;
  measurementValue: number;
  cursorValue: number;
}

/** Sources of one election after the other: the cursor moves on, the rest is as the test says. */
export function electionSources(over: Partial<ElectionSources> = {}): TestSources {
  const sources: TestSources = {
    connections: new Map(),
    rates: new Map(),
    nowMsValue: 0,
    measurementValue: 0,
    cursorValue: 0,
    random: seededRandom(),
    nowMs: () => sources.nowMsValue,
    inUse: (slot) => sources.connections.get(slot) ?? 0,
    readInUse: (slots, into) => into.set(slots.map((slot) => sources.inUse(slot))),
    rate: (slot) => sources.rates.get(slot) ?? 0,
    measurement: () => sources.measurementValue,
    cursor: {
      read: () => sources.cursorValue,
      move: (from, to) => {
        if (from !== sources.cursorValue) return false;
        sources.cursorValue = to;
        return true;
      },
    },
    remembered: undefined,
    ...over,
  };
  return sources;
}

/** Terms without any refinement. */
export function plainTerms(
  strategy: StrategyName,
  over: Partial<ElectionTerms> = {},
): ElectionTerms {
  return {
    strategy,
    isWeighted: false,
    hashesPort: false,
    maxLoadPercent: 0,
    backupBelow: 0,
    slowStartMs: 0,
    ...over,
  };
}

export interface Electing {
  readonly terms: ElectionTerms;
  readonly candidates: readonly Candidate[];
  readonly sources?: ElectionSources;
}

export interface TestElector {
  /** One election; the client is always the same one unless told. */
  elect(given?: { client?: ElectingClient; tried?: readonly string[] }): Election;
  /** The name of the one that is elected, or why there is none. */
  name(given?: { client?: ElectingClient; tried?: readonly string[] }): string;
  /** Names of so many elections in a row. */
  names(count: number, clientOf?: (index: number) => ElectingClient): readonly string[];
}

/** An elector of these candidates. */
export function electing({
  terms,
  candidates,
  sources = electionSources(),
}: Electing): TestElector {
  const elector = createElector({ terms, candidates, sources });
  const elect: TestElector["elect"] = ({ client = clientAt(0), tried = [] } = {}) =>
    elector.elect(client, tried);
  const name: TestElector["name"] = (given) => nameOf(elect(given));
  return {
    elect,
    name,
    names: (count, clientOf = clientAt) =>
      Array.from({ length: count }, (_, index) => name({ client: clientOf(index) })),
  };
}

export function nameOf(election: Election): string {
  return election.kind === "chosen" ? election.candidate.name : election.kind;
}

/** How often each name comes. */
export function tally(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** One of many clients: spread over all IPv4 addresses, the same for the same number. */
export function clientAt(index: number): ElectingClient {
  const bits = Math.imul(index + 1, 0x9e3779b1);
  const address = Uint8Array.of(bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255);
  return { address, port: 40_000 + (index % 20_000) };
}
