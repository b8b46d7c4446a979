import type { Socket } from "node:net";

import { endStream } from "./end-socket.ts";
import type { SideActivity } from "./idle.ts";

export interface DirectionDeps {
  /** Who sends in this direction, and who is sent to. */
  readonly source: Socket;
  readonly sink: Socket;
  readonly monotonicMs: () => number;
  /** Bytes were taken from the source. */
  readonly onMoved: () => void;
  /** The source has ended its stream. */
  readonly onEnded: () => void;
}

/**
 * One direction of a connection: what the source sends goes to the sink. A sink that does not keep
 * up fills its queue to `relayBufferBytes` and stops the source from being read. The source's end is
 * passed on as an end, and the other direction goes on.
 */
export class Direction implements SideActivity {
  readonly #deps: DirectionDeps;
  #takenBytes = 0;
  #queuedBytes = 0;
  seenMs: number;
  hasEnded = false;
  isHeld = false;

  constructor(deps: DirectionDeps) {
    this.#deps = deps;
    this.seenMs = deps.monotonicMs();
  }

  /** Starts reading the source, after what was read of it already. */
  start(read: { readonly bytes: Buffer; readonly hasEnded: boolean } | undefined): void {
    const { source, sink } = this.#deps;
    sink.on("drain", this.#onDrain);
    sink.on("finish", this.#onFinish);
    source.on("data", this.#onData);
    source.on("end", this.#onEnd);
    if (read !== undefined && read.bytes.length > 0) this.#onData(read.bytes);
    if (read?.hasEnded === true) this.#onEnd();
    else if (!this.isHeld) source.resume();
  }

  /** From now on what the source sends is read and thrown away, so that its end is still noticed. */
  discard(): void {
    const { source } = this.#deps;
    source.off("data", this.#onData);
    source.on("data", ignore);
    source.resume();
  }

  /**
   * Bytes of the source that the system has taken for the sink. After the sink was destroyed, what
   * was queued when last looked at counts as lost: look before destroying it.
   */
  movedBytes(): number {
    const { sink } = this.#deps;
    if (!sink.destroyed) this.#queuedBytes = sink.writableLength;
    // A prefix goes out first: while it is queued, nothing of the source has gone.
    return Math.max(0, this.#takenBytes - this.#queuedBytes);
  }

  readonly #onData = (chunk: Buffer): void => {
    const { source, sink, monotonicMs, onMoved } = this.#deps;
    this.seenMs = monotonicMs();
    this.#takenBytes += chunk.length;
    if (!sink.write(chunk)) {
      this.isHeld = true;
      source.pause();
    }
    this.#queuedBytes = sink.writableLength;
    onMoved();
  };

  readonly #onDrain = (): void => {
    this.isHeld = false;
    this.seenMs = this.#deps.monotonicMs();
    this.#deps.source.resume();
  };

  readonly #onFinish = (): void => {
    this.#queuedBytes = 0;
  };

  readonly #onEnd = (): void => {
    this.hasEnded = true;
    this.seenMs = this.#deps.monotonicMs();
    endStream(this.#deps.sink);
    this.#deps.onEnded();
  };
}

function ignore(): void {
  // What arrives after the end of a connection was decided belongs to nobody.
}
