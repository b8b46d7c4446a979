import { nodeRowsMax } from "#shared/base/limits.ts";
import type { ApplyError } from "#shared/wire/node-frames.ts";

import { moment } from "./moment.ts";
import { isConnected } from "./node-view.ts";
import { percentile } from "./percentile.ts";

/** How far a revision has come on a node, from the end to the start, then what went wrong. */
export const receiptStates = [
  "serving",
  "applied",
  "stored",
  "sent",
  "waiting",
  "degraded",
  "refused",
  "away",
] as const;
export type ReceiptState = (typeof receiptStates)[number];

/** A revision on one node. */
export interface NodeReceipt {
  readonly node: string;
  readonly hostname: string;
  readonly group: string;
  readonly connected: boolean;
  readonly state: ReceiptState;
  readonly sentAt: string | null;
  readonly storedAt: string | null;
  readonly appliedAt: string | null;
  readonly servingAt: string | null;
  /** From the commit to serving, in milliseconds. */
  readonly servingMs: number | null;
  readonly errors: readonly ApplyError[];
}

/** A node that does not serve a revision, and why. */
export interface Straggler {
  readonly node: string;
  readonly hostname: string;
  readonly state: ReceiptState;
  readonly reason: string;
}

/** Who serves a revision and who does not. */
export interface ReceiptView {
  readonly nodes: {
    readonly expected: number;
    readonly serving: number;
    readonly failed: number;
    readonly waiting: number;
    readonly away: number;
  };
  /** From the commit to serving, over the nodes that had joined before; null when none serves. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly stragglers: readonly Straggler[];
  /** Stragglers first; `omitted` says how many more there are. */
  readonly byNode: readonly NodeReceipt[];
  readonly omitted: number;
}

/** What a node said of exactly this revision. */
export interface RevisionFacts {
  readonly sentAtMs: number | null;
  readonly storedAtMs: number | null;
  readonly appliedAtMs: number | null;
  readonly errors: readonly ApplyError[];
}

/** A node that shall serve the revision, and what is known of it there. */
export interface ReceiptFacts {
  readonly node: string;
  readonly hostname: string;
  /** The group's name. */
  readonly group: string;
  readonly joinedAtMs: number;
  readonly connected: boolean;
  readonly lastSeenAtMs: number | null;
  /** Of the node as it stands now. */
  readonly phase: string | null;
  readonly runningRev: number | null;
  readonly own: RevisionFacts | null;
  /** When it first served this revision or a later one, which contains it. */
  readonly servedAtMs: number | null;
}

interface Committed {
  readonly rev: number;
  readonly committedAtMs: number;
}

/** Shapes a receipt. A node that went straight to a later revision serves this one too. */
export function receiptView(
  facts: readonly ReceiptFacts[],
  revision: Committed,
  nowMs: number,
): ReceiptView {
  const receipts = facts.map((node) => nodeReceipt(node, revision, nowMs));
  const ordered = receipts.toSorted((a, b) => rank(b.state) - rank(a.state));
  const count = (...states: ReceiptState[]): number =>
    receipts.filter(({ state }) => states.includes(state)).length;
  const times = receipts.flatMap(({ servingMs }) => servingMs ?? []);
  const shown = ordered.slice(0, nodeRowsMax);
  return {
    nodes: {
      expected: receipts.length,
      serving: count("serving"),
      failed: count("degraded", "refused"),
      waiting: count("applied", "stored", "sent", "waiting"),
      away: count("away"),
    },
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    stragglers: shown.filter(({ state }) => state !== "serving").map(straggler),
    byNode: shown,
    omitted: ordered.length - shown.length,
  };
}

/** Whether no connected node is still on its way. */
export function isSettled(receipt: ReceiptView): boolean {
  return receipt.nodes.waiting === 0;
}

function nodeReceipt(facts: ReceiptFacts, revision: Committed, nowMs: number): NodeReceipt {
  const { own, servedAtMs } = facts;
  const connected = isConnected(facts, nowMs);
  return {
    node: facts.node,
    hostname: facts.hostname,
    group: facts.group,
    connected,
    state: stateOf(facts, revision.rev, connected),
    ...timesOf(own),
    servingAt: moment(servedAtMs),
    servingMs: servingMsOf(facts, revision.committedAtMs),
    errors: own?.errors ?? [],
  };
}

function timesOf(
  own: RevisionFacts | null,
): Pick<NodeReceipt, "sentAt" | "storedAt" | "appliedAt"> {
  return {
    sentAt: moment(own?.sentAtMs ?? null),
    storedAt: moment(own?.storedAtMs ?? null),
    appliedAt: moment(own?.appliedAtMs ?? null),
  };
}

/** A node that joined later found the revision there: it says nothing about how fast it came. */
function servingMsOf(facts: ReceiptFacts, committedAtMs: number): number | null {
  const { servedAtMs, joinedAtMs } = facts;
  if (servedAtMs === null || joinedAtMs > committedAtMs) return null;
  return Math.max(0, servedAtMs - committedAtMs);
}

/** A refusal stays true until something newer serves, whether the node is connected or not. */
function stateOf(facts: ReceiptFacts, rev: number, connected: boolean): ReceiptState {
  const failed = facts.own !== null && facts.own.errors.length > 0;
  if (failed && facts.phase === "degraded") return "degraded";
  if (facts.servedAtMs !== null) return "serving";
  if (failed) return "refused";
  if ((facts.runningRev ?? -1) >= rev) return "serving";
  return connected ? phaseOf(facts.own) : "away";
}

function phaseOf(own: RevisionFacts | null): ReceiptState {
  if (own === null) return "waiting";
  if (own.appliedAtMs !== null) return "applied";
  if (own.storedAtMs !== null) return "stored";
  return own.sentAtMs === null ? "waiting" : "sent";
}

function rank(state: ReceiptState): number {
  return receiptStates.indexOf(state);
}

function straggler(receipt: NodeReceipt): Straggler {
  const { node, hostname, state } = receipt;
  return { node, hostname, state, reason: reasonOf(receipt) };
}

function reasonOf({ state, errors }: NodeReceipt): string {
  const error = errors.at(-1);
  switch (state) {
    case "serving":
      return "serves it";
    case "applied":
      return "applied it and does not serve yet";
    case "stored":
      return "stored it and applies it";
    case "sent":
      return "was sent it and has not answered";
    case "waiting":
      return "was not sent it yet";
    case "degraded":
    case "refused":
      return error === undefined ? "refused it" : `${error.code}: ${error.detail}`;
    case "away":
      return "is not connected; it goes on serving what it ran";
  }
}
