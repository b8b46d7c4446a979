import { hkdfSync } from "node:crypto";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { ticketKeysKept, ticketRotationMs } from "#shared/base/limits.ts";

const secretBytes = 32;
const keyBytes = 48;

export interface TicketKeysDeps {
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** There is a new key, and the oldest is gone: terms that were made before want new ones. */
  readonly onRotated: () => void;
}

/**
 * What session tickets of this node are sealed with. Made here, kept in memory only and changed every
 * `ticketRotationMs`, so that what was recorded cannot be opened later. All workers get the same, for
 * a client comes back to any of them.
 */
export class TicketKeys {
  readonly #deps: TicketKeysDeps;
  readonly #timer: Timer;
  /** The newest first. */
  #secrets: readonly Uint8Array[];

  constructor(deps: TicketKeysDeps) {
    this.#deps = deps;
    this.#secrets = [deps.randomBytes(secretBytes)];
    this.#timer = deps.clock.every(ticketRotationMs, () => this.#rotate());
  }

  /**
   * Keys for one use, the one to seal with first. Another `use` has other keys: a session says who
   * its client was, so terms that ask otherwise must not resume it.
   */
  keysFor(use: string): readonly Uint8Array[] {
    return this.#secrets.map(
      (secret) => new Uint8Array(hkdfSync("sha256", secret, "", `ticket ${use}`, keyBytes)),
    );
  }

  stop(): void {
    this.#timer.stop();
  }

  #rotate(): void {
    const { randomBytes, onRotated } = this.#deps;
    this.#secrets = [randomBytes(secretBytes), ...this.#secrets].slice(0, ticketKeysKept);
    onRotated();
  }
}
