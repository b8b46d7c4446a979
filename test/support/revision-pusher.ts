import type { Snapshot, SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import type { AckFrame, NackFrame } from "#shared/wire/node-frames.ts";

import { eventually } from "./eventually.ts";
import type { Publisher } from "./publisher.ts";
import type { ScriptedLink } from "./scripted-control.ts";

/** Sends one revision after the other over a link, each once the one before serves. */
export class RevisionPusher {
  readonly #link: ScriptedLink;
  readonly #publisher: Publisher;
  #running: Snapshot;
  #framesRead = 0;

  constructor(link: ScriptedLink, publisher: Publisher, running: Snapshot) {
    this.#link = link;
    this.#publisher = publisher;
    this.#running = running;
  }

  /**
   * Makes these the entries that the node runs.
   *
   * @throws Error when the node refuses any of it
   */
  async push(entries: readonly SnapshotEntry[]): Promise<void> {
    const before = this.#running;
    const next = this.#publisher.snapshot(before.version.rev + 1, entries);
    const known = new Map(before.entries.map((entry) => [entry.id, entry.hash]));
    const kept = new Set(next.entries.map(({ id }) => id));
    const nonce = `rev-${next.version.rev}`;
    this.#link.send({
      t: "delta",
      nonce,
      base: before.version,
      to: next.version,
      up: next.entries.filter(({ id, hash }) => known.get(id) !== hash),
      del: before.entries.filter(({ id }) => !kept.has(id)).map(({ kind, id }) => ({ kind, id })),
      secrets: {},
      signature: next.signature,
    });
    this.#running = next;
    const answer = await eventually(() => this.#answerTo(nonce) ?? false);
    if (answer !== false && answer.t === "nack") {
      throw new Error(`refused: ${JSON.stringify(answer.errors)}`);
    }
  }

  #answerTo(nonce: string): AckFrame | NackFrame | undefined {
    for (; this.#framesRead < this.#link.frames.length; this.#framesRead += 1) {
      const frame = this.#link.frames[this.#framesRead];
      if (frame?.t === "nack" && frame.nonce === nonce) return frame;
      if (frame?.t === "ack" && frame.nonce === nonce && frame.phase === "serving") return frame;
    }
    return undefined;
  }
}
