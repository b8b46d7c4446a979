import type { LinkDesk } from "../../control/node-link/link-desk.ts";
import { performEffects, type LinkedNode } from "../../control/node-link/link-effects.ts";
import type {
  LinkEffect,
  LinkEvent,
  LinkStep,
  Moment,
} from "../../control/node-link/link-machine-events.ts";
import type { LinkState } from "../../control/node-link/link-machine-state.ts";
import { openLink, stepLink, type OpenLink } from "../../control/node-link/link-machine.ts";
import type { WireTexts } from "../../control/publish/prepared-config.ts";

/** A row that holds a link's state between two requests: text, changed by compare-and-set. */
export class StateRow {
  #text: string;
  #version = 0;
  /** How often a writer lost against another one. */
  conflicts = 0;

  constructor(state: LinkState) {
    this.#text = JSON.stringify(state);
  }

  load(): Promise<{ readonly state: LinkState; readonly version: number }> {
    const version = this.#version;
    return Promise.resolve({ state: JSON.parse(this.#text) as LinkState, version });
  }

  /** Whether the row was still as the writer had read it. */
  store(state: LinkState, readVersion: number): Promise<boolean> {
    if (readVersion !== this.#version) {
      this.conflicts += 1;
      return Promise.resolve(false);
    }
    this.#text = JSON.stringify(state);
    this.#version += 1;
    return Promise.resolve(true);
  }
}

export interface LongPollOptions {
  readonly desk: LinkDesk;
  readonly node: LinkedNode;
  readonly open: OpenLink;
}

/**
 * A link without a connection: the node posts its frames and polls for ours. Every event loads the
 * state, steps the machine, and stores the state if nobody else did since; only then the effects
 * are done. The effects are the ones that a socket's link does.
 */
export class LongPollTwin {
  readonly row: StateRow;
  readonly effects: LinkEffect[] = [];
  readonly #options: LongPollOptions;
  readonly #outbox: string[] = [];
  closed: { readonly code: number } | undefined;

  constructor(options: LongPollOptions) {
    this.#options = options;
    this.row = new StateRow(openLink(options.open, this.#moment()));
  }

  /** The node posts one frame. */
  post(text: string): Promise<void> {
    return this.handle({ kind: "received", text });
  }

  /** The node polls: everything that waits. */
  poll(): readonly string[] {
    return this.#outbox.splice(0);
  }

  async handle(event: LinkEvent): Promise<void> {
    const { effects } = await this.#stepStored(event);
    this.effects.push(...effects);
    const { desk, node } = this.#options;
    const carrier = {
      send: (texts: WireTexts) => {
        for (const text of texts) this.#outbox.push(Buffer.from(text).toString("utf8"));
      },
      unsentBytes: () => 0,
      close: (code: number) => {
        this.closed = { code };
      },
    };
    performEffects(desk, { node, carrier, handle: (answer) => void this.handle(answer) }, effects);
  }

  async #stepStored(event: LinkEvent): Promise<LinkStep> {
    for (;;) {
      const { state, version } = await this.row.load();
      const step = stepLink(state, event, this.#moment());
      if (await this.row.store(step.state, version)) return step;
    }
  }

  #moment(): Moment {
    const { clock } = this.#options.desk;
    return { nowMs: clock.nowMs(), wallMs: clock.nowMs() };
  }
}
