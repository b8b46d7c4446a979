import type { Clock } from "#shared/base/clock.ts";
import { linkUnsentBytesPause } from "#shared/base/limits.ts";

import type { CarrierListener, LinkCarrier } from "./link-carrier.ts";
import type { LinkDesk } from "./link-desk.ts";
import { factsOf, performEffects, type LinkedNode } from "./link-effects.ts";
import type { LinkEffect, LinkEvent, Moment } from "./link-machine-events.ts";
import { isAsked } from "./link-machine-questions.ts";
import type { LinkState } from "./link-machine-state.ts";
import { openLink, stepLink, type OpenLink } from "./link-machine.ts";

export interface NodeLinkOptions {
  readonly desk: LinkDesk;
  readonly node: LinkedNode;
  readonly open: OpenLink;
  readonly connect: (listener: CarrierListener) => LinkCarrier;
  readonly onClosed: (link: NodeLink) => void;
  /** How much of a message in parts is held now, in bytes. */
  readonly onIncomplete: (link: NodeLink, bytes: number) => void;
}

interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** One node on a carrier of this process: its state lies in memory. */
export class NodeLink {
  readonly node: LinkedNode;
  readonly #desk: LinkDesk;
  readonly #carrier: LinkCarrier;
  readonly #onClosed: NodeLinkOptions["onClosed"];
  readonly #onIncomplete: NodeLinkOptions["onIncomplete"];
  readonly #openedMs: number;
  #state: LinkState;
  /** Why this side closed it, when it did. */
  #ending: Ending | undefined;

  constructor(options: NodeLinkOptions) {
    this.node = options.node;
    this.#desk = options.desk;
    this.#onClosed = options.onClosed;
    this.#onIncomplete = options.onIncomplete;
    this.#openedMs = options.desk.clock.monotonicMs();
    this.#state = openLink(options.open, momentOf(options.desk.clock));
    this.#carrier = options.connect({
      onText: (text) => this.handle({ kind: "received", text }),
      onBinary: () => this.handle({ kind: "received-binary" }),
      onClosed: (code) => this.#closed(code),
    });
    options.desk.log.info("link.open", factsOf(this.node));
  }

  /** Takes an event to the machine, and does what follows. */
  handle(event: LinkEvent): void {
    const step = stepLink(this.#state, event, momentOf(this.#desk.clock));
    const heldBefore = this.#state.parts;
    this.#state = step.state;
    if (step.state.parts !== heldBefore) {
      this.#onIncomplete(this, step.state.parts?.chars ?? 0);
    }
    if (step.effects.length === 0) return;
    this.#ending ??= endingIn(step.effects);
    const { node } = this;
    const handle = (answer: LinkEvent): void => this.handle(answer);
    performEffects(this.#desk, { node, carrier: this.#carrier, handle }, step.effects);
  }

  /** Whether the node is about to answer this question already. */
  isAsked(question: string): boolean {
    return isAsked(this.#state, question);
  }

  /** Time passed: looks at what the node has not read, then lets the machine look at its clocks. */
  tick(): void {
    const bytes = this.#carrier.unsentBytes();
    const paused = this.#state.pausedSinceMs !== null;
    if (paused || bytes > linkUnsentBytesPause) this.handle({ kind: "unsent", bytes });
    this.handle({ kind: "tick" });
  }

  #closed(code: number): void {
    this.handle({ kind: "carrier-closed" });
    const { clock, log } = this.#desk;
    const durationMs = Math.round(clock.monotonicMs() - this.#openedMs);
    const why = this.#ending ?? { code, reason: "closed by the node" };
    log.info("link.close", { ...factsOf(this.node), ...why, durationMs });
    this.#onClosed(this);
  }
}

function endingIn(effects: readonly LinkEffect[]): Ending | undefined {
  const close = effects.find((effect) => effect.kind === "close");
  return close === undefined ? undefined : { code: close.code, reason: close.reason };
}

function momentOf(clock: Clock): Moment {
  return { nowMs: clock.monotonicMs(), wallMs: clock.nowMs() };
}
