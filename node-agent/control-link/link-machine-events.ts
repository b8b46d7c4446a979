import type { Version } from "#shared/snapshot/version.ts";
import type { CommandFrame, StatisticsMark, WelcomeFrame } from "#shared/wire/control-frames.ts";
import type { AckFrame, ApplyError, NodeEvent, NodeFrame } from "#shared/wire/node-frames.ts";
import type { CloseCode } from "#shared/wire/protocol.ts";

import type { ConfigFrame, Held, LinkState } from "./link-machine-state.ts";

/** When an event happens, and its luck. */
export interface Moment {
  /** Monotonic. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What never changes while a link lives. */
export interface LinkTerms {
  /** The database's lineage when the node joined: nothing older is taken. */
  readonly epochMin: number;
}

/** Why no link came about. */
export type ConnectRefusal =
  /** No answer, or none that is HTTP. */
  | { readonly kind: "network" }
  | {
      readonly kind: "status";
      readonly status: number;
      /** What `Retry-After` asks for. */
      readonly retryAfterMs: number | null;
      /** The control plane's time, told when a signed header's time was refused. */
      readonly controlTimeMs: number | null;
    };

/** What became of a configuration message, in the order in which it can happen. */
export type ConfigOutcome =
  | { readonly kind: "fetch-failed" }
  /** Nothing of it is used. `whole` asks for the whole snapshot, because only a difference failed. */
  | {
      readonly kind: "refused";
      readonly version: Version;
      readonly error: ApplyError;
      readonly whole: boolean;
    }
  /** Verified and stored: what the next difference starts from. */
  | { readonly kind: "accepted"; readonly version: Version; readonly durable: boolean }
  /** Applying takes longer than an answer may wait. */
  | { readonly kind: "slow"; readonly version: Version }
  | {
      readonly kind: "settled";
      readonly version: Version;
      readonly balancers: AckFrame["balancers"];
      readonly errors: readonly ApplyError[];
      readonly connections: AckFrame["connections"];
    };

export type LinkEvent =
  /** The first thing that happens: what the node has, which is being applied from now on. */
  | { readonly kind: "start"; readonly held: Held }
  | { readonly kind: "opened" }
  /** A message; null when it was a binary one, which the protocol does not know. */
  | { readonly kind: "received"; readonly text: string | null }
  /** A sign of life below the frames. */
  | { readonly kind: "heard" }
  | { readonly kind: "lost"; readonly code: number }
  | { readonly kind: "refused"; readonly refusal: ConnectRefusal }
  | { readonly kind: "config"; readonly outcome: ConfigOutcome }
  /** The running version fares differently, by itself: a balancer recovered, or failed. */
  | {
      readonly kind: "standing";
      readonly balancers: AckFrame["balancers"];
      readonly errors: readonly ApplyError[];
    }
  | { readonly kind: "durability"; readonly durable: boolean }
  /** What was found out for a command; of use to whoever asked, on whatever link. */
  | {
      readonly kind: "answer";
      readonly command: string;
      readonly code: string;
      readonly result: unknown;
    }
  | { readonly kind: "tick" }
  | { readonly kind: "stop"; readonly reason: string };

/** Things worth a line in the log; a closed list. */
export type LinkNote =
  | "clock-corrected"
  | "link-refused"
  | "link-revoked"
  | "link-replaced"
  | "agent-too-old"
  | "bad-frame"
  | "silent"
  | "no-welcome"
  | "base-mismatch"
  | "older-version"
  | "older-epoch"
  | "fetch-failed"
  | "asked-for-missing";

/** What the carrier and the rest of the agent shall do, in order. */
export type LinkEffect =
  | { readonly kind: "connect" }
  | { readonly kind: "correct-clock"; readonly controlTimeMs: number }
  | { readonly kind: "hello"; readonly have: Version | null }
  | { readonly kind: "send"; readonly frame: NodeFrame }
  /** Send `hb` with what is measured at that moment. */
  | { readonly kind: "heartbeat" }
  /** Fetch, verify, store and apply; answered by `config` events. */
  | { readonly kind: "take"; readonly frame: ConfigFrame }
  /** Look what a balancer would find; answered by an `answer` event. */
  | { readonly kind: "asked"; readonly command: CommandFrame }
  | { readonly kind: "welcomed"; readonly welcome: WelcomeFrame }
  | { readonly kind: "reports-marked"; readonly mark: StatisticsMark }
  | { readonly kind: "event"; readonly event: Omit<NodeEvent, "atMs"> }
  | { readonly kind: "note"; readonly note: LinkNote; readonly detail: string }
  /** Ends the carrier; nothing of it is heard afterwards. */
  | { readonly kind: "close"; readonly code: CloseCode; readonly reason: string };

/** The state after an event, and what follows from it. */
export interface LinkStep {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** Nothing to do. */
export function still(state: LinkState): LinkStep {
  return { state, effects: [] };
}

/** One step after another: the later one sees the state that the earlier one left. */
export function chained(first: LinkStep, next: (state: LinkState) => LinkStep): LinkStep {
  const second = next(first.state);
  return { state: second.state, effects: [...first.effects, ...second.effects] };
}

export function noted(note: LinkNote, detail = ""): LinkEffect {
  return { kind: "note", note, detail };
}
