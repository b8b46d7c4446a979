import { createWriteStream, type WriteStream } from "node:fs";

import type { Clock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";
import { accessReopenMs, accessUnsentBytesMax, logFlushMsMax } from "#shared/base/limits.ts";

import type { AccessOutput } from "./access-log.ts";
import type { Log } from "./log.ts";
import { within } from "./within.ts";

export interface AccessFileDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, "warn" | "info">;
}

/**
 * A file that lines are appended to, by this process or by several. What the disk has not taken waits
 * up to `accessUnsentBytesMax`; a file that failed is opened again after `accessReopenMs`.
 */
export class AccessFile implements AccessOutput {
  readonly #deps: AccessFileDeps;
  readonly #path: string;
  #stream: WriteStream;
  #failedMs: number | undefined;

  constructor(deps: AccessFileDeps, path: string) {
    this.#deps = deps;
    this.#path = path;
    this.#stream = this.#opened();
  }

  write(text: string): boolean {
    if (!this.#isUsable() || this.#stream.writableLength > accessUnsentBytesMax) return false;
    this.#stream.write(text);
    return true;
  }

  /** Goes on in a new file of the same name: the old one was moved away. */
  reopen(): void {
    this.#stream.end();
    this.#stream = this.#opened();
    this.#deps.log.info({ file: this.#path }, "access log opened again");
  }

  /** Resolves when everything is in the file, or after `logFlushMsMax`. */
  async close(): Promise<void> {
    const stream = this.#stream;
    const ended = new Promise<undefined>((resolve) => {
      stream.once("close", () => resolve(undefined));
      stream.end();
      if (stream.closed) resolve(undefined);
    });
    await within(this.#deps.clock, ended, { ms: logFlushMsMax, otherwise: undefined });
  }

  #opened(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: "a", mode: 0o640 });
    this.#failedMs = undefined;
    stream.on("error", (error) => this.#onFailed(stream, error));
    return stream;
  }

  #onFailed(stream: WriteStream, error: Error): void {
    const { clock, log } = this.#deps;
    if (stream === this.#stream) this.#failedMs = clock.monotonicMs();
    log.warn({ file: this.#path, error: errorText(error) }, "the access log cannot be written");
  }

  #isUsable(): boolean {
    if (this.#failedMs === undefined) return true;
    if (this.#deps.clock.monotonicMs() - this.#failedMs < accessReopenMs) return false;
    this.#stream = this.#opened();
    return true;
  }
}
