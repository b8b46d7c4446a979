import type { Clock, Timer } from "#shared/base/clock.ts";
import { noticeMs, noticesMax } from "#shared/base/limits.ts";

import type { Notice } from "./worker-protocol.ts";

export interface NoticeBoxDeps {
  readonly clock: Clock;
  readonly send: (notices: readonly Notice[]) => void;
}

/**
 * Collects what goes wrong in a worker, so that a flood of clients is no flood of messages: the first
 * of a kind is told at once, what follows once every `noticeMs`, counted. More than `noticesMax`
 * different ones at a time are not told; the counters have them all the same.
 */
export class NoticeBox {
  readonly #deps: NoticeBoxDeps;
  #notices = new Map<string, Notice>();
  #timer: Timer | undefined;

  constructor(deps: NoticeBoxDeps) {
    this.#deps = deps;
  }

  add(notice: Notice): void {
    const key = JSON.stringify({ ...notice, count: 0 });
    const same = this.#notices.get(key);
    if (same === undefined && this.#notices.size === noticesMax) return;
    this.#notices.set(key, { ...notice, count: notice.count + (same?.count ?? 0) });
    if (this.#timer === undefined) this.#send();
  }

  stop(): void {
    this.#timer?.stop();
  }

  #send(): void {
    this.#timer = undefined;
    if (this.#notices.size === 0) return;
    this.#deps.send([...this.#notices.values()]);
    this.#notices = new Map();
    this.#timer = this.#deps.clock.after(noticeMs, () => this.#send());
  }
}
