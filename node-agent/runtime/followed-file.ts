import { readFileSync, statSync } from "node:fs";

import type { Clock } from "#shared/base/clock.ts";
import { systemFileBytesMax, systemFileCheckMs } from "#shared/base/limits.ts";

export interface FollowedFileDeps<T> {
  readonly clock: Clock;
  readonly path: string;
  readonly parse: (text: string) => T;
}

/**
 * What a small file of the system says, read anew when it has changed. A file that cannot be read,
 * or is far too big to be what it should be, counts as empty.
 *
 * Reads synchronously: it is a local file of a few kilobytes, looked at once every
 * `systemFileCheckMs`, and the threads that asynchronous reading needs may be what is hanging.
 */
export class FollowedFile<T> {
  readonly #deps: FollowedFileDeps<T>;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #version = "";
  #value: T;

  constructor(deps: FollowedFileDeps<T>) {
    this.#deps = deps;
    this.#value = deps.parse("");
  }

  read(): T {
    const { clock, path, parse } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#lookedMs < systemFileCheckMs) return this.#value;
    this.#lookedMs = nowMs;
    const { version, isReadable } = versionOf(path);
    if (version === this.#version) return this.#value;
    this.#version = version;
    this.#value = parse(isReadable ? textOf(path) : "");
    return this.#value;
  }
}

function versionOf(path: string): { readonly version: string; readonly isReadable: boolean } {
  try {
    const stat = statSync(path);
    const isReadable = stat.isFile() && stat.size <= systemFileBytesMax;
    return { version: `${stat.ino} ${stat.mtimeMs} ${stat.size}`, isReadable };
  } catch {
    return { version: "out of reach", isReadable: false };
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone since it was looked at, or not for us to read.
    return "";
  }
}
