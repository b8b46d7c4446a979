import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A log that grows beyond this moves to `NAME.1` and starts anew: two files is the most there is. */
const logBytesMax = 10 * 1024 * 1024;
/** What is kept in memory of the end, to be shown when a child dies. */
const tailBytesMax = 4 * 1024;

/**
 * Takes what a child prints. The log is a convenience: when the disk refuses it, the child runs on
 * and the tail in memory still tells the end.
 */
export class LogFile {
  readonly path: string;
  #descriptor: number | undefined;
  #bytes = 0;
  #tail = "";

  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#open();
  }

  write(chunk: Buffer): void {
    this.#tail = (this.#tail + chunk.toString("utf8")).slice(-tailBytesMax);
    if (this.#descriptor === undefined) return;
    try {
      if (this.#bytes + chunk.length > logBytesMax) this.#rotate();
      this.#append(chunk);
    } catch {
      // The disk refuses: the tail in memory goes on.
      this.close();
    }
  }

  /** The last lines, at most `count`. */
  tail(count: number): string {
    return this.#tail.trimEnd().split("\n").slice(-count).join("\n");
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): void {
    this.#descriptor = openSync(this.path, "a", 0o600);
    this.#bytes = statSync(this.path).size;
  }

  #rotate(): void {
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.#open();
  }

  #append(chunk: Buffer): void {
    if (this.#descriptor === undefined) return;
    this.#bytes += writeSync(this.#descriptor, chunk);
  }
}
