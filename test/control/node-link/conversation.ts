import type { Version } from "#shared/snapshot/version.ts";
import type { ControlFrame } from "#shared/wire/control-frames.ts";
import type { HelloFrame, NodeFrame } from "#shared/wire/node-frames.ts";

import type { LinkEffect, LinkEvent } from "../../../control/node-link/link-machine-events.ts";
import type { LinkState } from "../../../control/node-link/link-machine-state.ts";
import { openLink, stepLink, type OpenLink } from "../../../control/node-link/link-machine.ts";

/** A version whose root is the digit repeated. */
export function version(rev: number, epoch = 1): Version {
  return { epoch, rev, root: rev.toString(16).padStart(64, "0") };
}

export function hello(over: Partial<HelloFrame> = {}): HelloFrame {
  return {
    t: "hello",
    protocols: [1],
    agent: "1.0.0",
    capabilities: ["tcp"],
    bootId: "boot-1",
    have: null,
    os: "linux",
    hostname: "host",
    labels: {},
    clockMs: 1_000_000,
    ...over,
  };
}

export function ack(
  phase: "stored" | "applied" | "serving",
  about: { readonly nonce: string | null; readonly version: Version },
): NodeFrame {
  const connections = { kept: 0, drained: 0, cut: 0 };
  return { t: "ack", ...about, phase, balancers: [], durable: true, connections };
}

export function nack(
  about: { readonly nonce: string | null; readonly version: Version },
  over: { readonly running: Version | null; readonly partial: boolean },
): NodeFrame {
  const errors = [{ id: "bal_1", pointer: "/bind/0", code: "EADDRINUSE", detail: "taken" }];
  return { t: "nack", ...about, errors, ...over };
}

export function beat(running: Version | null, failing = 0): NodeFrame {
  return {
    t: "hb",
    running,
    failing,
    connections: 3,
    rssBytes: 1,
    cpuShare: 0.5,
    durable: true,
  };
}

export function report(seq: number, bootId = "boot-1"): NodeFrame {
  return {
    t: "st",
    report: {
      bootId,
      seq,
      fromMs: 0,
      toMs: 1,
      dropped: 0,
      counterColumns: ["connections"],
      gaugeColumns: [],
      rows: [],
    },
  };
}

/** A conversation as the machine leads it; time moves only when told. */
export interface Conversation {
  state: LinkState;
  /** Everything it did, in order. */
  readonly effects: LinkEffect[];
  nowMs: number;
  /** One event; gives what followed from it. */
  on(event: LinkEvent): readonly LinkEffect[];
  says(frame: NodeFrame | HelloFrame): readonly LinkEffect[];
  /** Answers the last `prepare` with a message. */
  prepares(nonce: string, to: Version, pulled?: boolean): readonly LinkEffect[];
  /** Time passes in ticks of a second. */
  passes(ms: number): readonly LinkEffect[];
  frames(): readonly ControlFrame[];
}

export interface ConversationOptions extends Partial<OpenLink> {
  /** What happens to the state between two events. */
  readonly between?: (state: LinkState) => LinkState;
}

export function conversation(options: ConversationOptions = {}): Conversation {
  const { between = (state) => state, ...open } = options;
  const at = () => ({ nowMs: talk.nowMs, wallMs: 1_000_000 + talk.nowMs });
  const start = {
    session: "session",
    desired: null,
    marks: {},
    reconnect: { minMs: 0, maxMs: 500 },
    ...open,
  };
  const talk: Conversation = {
    nowMs: 0,
    state: between(openLink(start, { nowMs: 0, wallMs: 1_000_000 })),
    effects: [],
    on(event) {
      const step = stepLink(talk.state, event, at());
      talk.state = between(step.state);
      talk.effects.push(...step.effects);
      return step.effects;
    },
    says: (frame) => talk.on({ kind: "received", text: JSON.stringify(frame) }),
    prepares(nonce, to, pulled = false) {
      const request = talk.state.requests;
      const texts = [JSON.stringify({ nonce })];
      return talk.on({
        kind: "prepared",
        request,
        config: { kind: "message", nonce, to, pulled, texts },
      });
    },
    passes(ms) {
      const before = talk.effects.length;
      const endMs = talk.nowMs + ms;
      while (talk.nowMs < endMs) {
        talk.nowMs = Math.min(endMs, talk.nowMs + 1_000);
        talk.on({ kind: "tick" });
      }
      return talk.effects.slice(before);
    },
    frames: () => framesOf(talk.effects),
  };
  return talk;
}

export function framesOf(effects: readonly LinkEffect[]): readonly ControlFrame[] {
  return effects.flatMap((effect) => (effect.kind === "send" ? [effect.frame] : []));
}

/** The effects of one kind. */
export function only<K extends LinkEffect["kind"]>(
  effects: readonly LinkEffect[],
  kind: K,
): readonly Extract<LinkEffect, { kind: K }>[] {
  return effects.filter(
    (effect): effect is Extract<LinkEffect, { kind: K }> => effect.kind === kind,
  );
}

/** The code with which effects close the link, if they do. */
export function codeOf(effects: readonly LinkEffect[]): number | undefined {
  return only(effects, "close")[0]?.code;
}
