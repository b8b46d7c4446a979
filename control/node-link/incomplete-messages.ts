import { incompleteBytesMax } from "#shared/base/limits.ts";
import { closeCodes } from "#shared/wire/protocol.ts";

import type { LinkEvent } from "./link-machine-events.ts";

/** A link as far as it matters here. */
export interface PartsHolder {
  handle(event: LinkEvent): void;
}

/**
 * What the links of this process hold of messages whose last part has not come, all together. Above
 * `incompleteBytesMax` the one that waits for longest ends: parts of one message follow each other,
 * so whoever lets its own wait is not the one that suffers from others.
 */
export class IncompleteMessages {
  /** In the order in which the messages began. */
  readonly #held = new Map<PartsHolder, number>();
  #bytes = 0;

  /** The link holds so many bytes now, 0 when its message is complete or forgotten. */
  holds(link: PartsHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(link) ?? 0);
    if (bytes === 0) this.#held.delete(link);
    else this.#held.set(link, bytes);
    if (this.#bytes > incompleteBytesMax) this.#endLongest();
  }

  /** Its state drops the parts when it closes, which is told here as 0. */
  #endLongest(): void {
    const [longest] = this.#held.keys();
    longest?.handle({
      kind: "close",
      code: closeCodes.tryLater,
      reason: "an incomplete message waits too long",
      retry: null,
    });
  }
}
