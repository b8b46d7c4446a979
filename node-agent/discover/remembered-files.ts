import { join } from "node:path";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import {
  rememberedBytesMax,
  rememberedFileBytesMax,
  rememberedFilesPerWriteMax,
  rememberedRetryMs,
  rememberedWriteMs,
} from "#shared/base/limits.ts";

import type { Disk } from "../runtime/disk.ts";
import type { Log } from "../runtime/log.ts";
import { writeDurably } from "../runtime/write-durably.ts";
import { readRemembered, rememberedText, type NamedAnswers } from "./remembered-file.ts";

export interface RememberedFilesDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Theirs alone; it is made. */
  readonly folder: string;
  /** This node's id: the files of another one are not used. */
  readonly node: string;
  /** What a balancer's file shall hold; nothing removes it. */
  readonly answersOf: (balancer: string) => NamedAnswers;
}

export interface FoundAnswers {
  readonly answers: NamedAnswers;
  /** How long ago the file was written. */
  readonly ageMs: number;
}

/**
 * One file for each balancer, written one after the other in the background, together with what
 * else has changed within `rememberedWriteMs`. Nobody waits for the disk: what it refuses is tried
 * again, and told once.
 */
export class RememberedFiles {
  readonly #deps: RememberedFilesDeps;
  /** Balancers whose file is to be written; the first is next. */
  readonly #changed = new Set<string>();
  /** Bytes of the files that are there, as far as they are known. */
  readonly #bytes = new Map<string, number>();
  readonly #tooBig = new Set<string>();
  #working: Promise<void> = Promise.resolve();
  /** Writes that wait for their turn or are under way. */
  #begun = 0;
  #timer: Timer | undefined;
  #nextMs = Number.NEGATIVE_INFINITY;
  #isHeld = false;
  #hasEnded = false;
  #hasSwept = false;
  #isRefused = false;

  constructor(deps: RememberedFilesDeps) {
    this.#deps = deps;
  }

  /** What a balancer's file holds; undefined when there is none that can be used. Never rejects. */
  async read(balancer: string): Promise<FoundAnswers | undefined> {
    if (!isFileName(balancer)) return undefined;
    const { disk, node, clock } = this.#deps;
    try {
      const text = await disk.read(this.#path(balancer), rememberedFileBytesMax);
      if (text === undefined) return undefined;
      this.#bytes.set(balancer, Buffer.byteLength(text));
      const found = readRemembered(text, { node, balancer }, clock.nowMs());
      if (found.ok) return found;
      this.#tellUnusable(balancer, found.why, found.detail);
    } catch (error) {
      this.#tellUnusable(balancer, "unreadable", systemErrorCode(error) ?? errorText(error));
    }
    return undefined;
  }

  /** What this balancer's file holds is not what it should hold. */
  changed(balancer: string): void {
    if (!isFileName(balancer)) return;
    this.#changed.add(balancer);
    this.#schedule();
  }

  /** Only files of these are wanted; the others are removed, in the background. */
  keepOnly(balancers: ReadonlySet<string>): void {
    this.#enqueue(async () => {
      const names = this.#hasSwept ? [...this.#bytes.keys()].map(fileName) : await this.#listed();
      const unwanted = names.filter((name) => !balancers.has(balancerOf(name)));
      for (const name of unwanted) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other, as files are written
        await this.#deps.disk.remove(join(this.#deps.folder, name));
        this.#bytes.delete(balancerOf(name));
      }
      this.#hasSwept = true;
    });
  }

  /** Writes what has changed, and then nothing until the returned function is called. Never rejects. */
  async hold(): Promise<() => void> {
    await this.#writeRest();
    this.#isHeld = true;
    this.#stopTimer();
    return () => {
      this.#isHeld = false;
      this.#schedule();
    };
  }

  /** Writes what has changed, unless it is held, and then nothing any more. Never rejects. */
  async stop(): Promise<void> {
    const written = this.#writeRest();
    this.#hasEnded = true;
    this.#stopTimer();
    await written;
  }

  #writeRest(): Promise<void> {
    if (!this.#isHeld && !this.#hasEnded) this.#begin([...this.#changed]);
    return this.#working;
  }

  #stopTimer(): void {
    this.#timer?.stop();
    this.#timer = undefined;
  }

  #schedule(): void {
    const isWriting = this.#timer !== undefined || this.#begun > 0;
    if (isWriting || this.#isHeld || this.#hasEnded || this.#changed.size === 0) return;
    const { clock } = this.#deps;
    this.#timer = clock.after(Math.max(0, this.#nextMs - clock.monotonicMs()), () => {
      this.#timer = undefined;
      this.#begin([...this.#changed].slice(0, rememberedFilesPerWriteMax));
    });
  }

  #begin(balancers: readonly string[]): void {
    this.#begun += 1;
    this.#enqueue(async () => {
      const isTaken = await this.#writeAll(balancers);
      this.#begun -= 1;
      this.#nextMs =
        this.#deps.clock.monotonicMs() + (isTaken ? rememberedWriteMs : rememberedRetryMs);
      this.#schedule();
    });
  }

  #enqueue(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch((error: unknown) => this.#tellRefused(error));
  }

  /** Whether the disk took them all. */
  async #writeAll(balancers: readonly string[]): Promise<boolean> {
    let isTaken = true;
    for (const balancer of balancers) {
      this.#changed.delete(balancer);
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after the other: traffic comes first
        await this.#write(balancer);
      } catch (error) {
        isTaken = false;
        this.#changed.add(balancer);
        this.#tellRefused(error);
      }
    }
    if (isTaken && balancers.length > 0) this.#tellTaken();
    return isTaken;
  }

  /** @throws the system's error */
  async #write(balancer: string): Promise<void> {
    const { disk, clock, folder, node, answersOf } = this.#deps;
    const answers = answersOf(balancer);
    const path = this.#path(balancer);
    const text = rememberedText({ node, balancer }, answers, clock.nowMs());
    const bytes = Buffer.byteLength(text);
    if (answers.size === 0 || !this.#hasRoom(balancer, bytes)) {
      this.#bytes.delete(balancer);
      return disk.remove(path);
    }
    await disk.makeFolder(folder, 0o700);
    await writeDurably(disk, { path, text, mode: 0o600 });
    this.#bytes.set(balancer, bytes);
  }

  /** What is too big is not kept in part: half of an answer is another answer. */
  #hasRoom(balancer: string, bytes: number): boolean {
    const others = [...this.#bytes].filter(([other]) => other !== balancer);
    const used = others.reduce((sum, [, size]) => sum + size, 0);
    const fits = bytes <= rememberedFileBytesMax && used + bytes <= rememberedBytesMax;
    if (fits) this.#tooBig.delete(balancer);
    else if (!this.#tooBig.has(balancer)) {
      this.#tooBig.add(balancer);
      this.#deps.log.warn(
        { balancer, bytes, used },
        "what the sources of a balancer name is too much to be kept on disk",
      );
    }
    return fits;
  }

  async #listed(): Promise<readonly string[]> {
    const names = await this.#deps.disk.list(this.#deps.folder);
    return names.filter((name) => /\.json(\.new)?$/.test(name));
  }

  #path(balancer: string): string {
    return join(this.#deps.folder, fileName(balancer));
  }

  #tellUnusable(balancer: string, why: string, detail: string): void {
    this.#deps.log.warn(
      { balancer, why, detail },
      "what the sources of a balancer named before cannot be used",
    );
  }

  #tellRefused(error: unknown): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    const why = systemErrorCode(error) ?? errorText(error);
    this.#deps.log.warn({ why }, "what sources name cannot be kept on disk; it is tried again");
  }

  #tellTaken(): void {
    if (!this.#isRefused) return;
    this.#isRefused = false;
    this.#deps.log.info({}, "what sources name is kept on disk again");
  }
}

function fileName(balancer: string): string {
  return `${balancer}.json`;
}

/** What is left of a write that was cut off is of nobody. */
function balancerOf(name: string): string {
  return name.replace(/\.json$/, "");
}

/** An id of ours, and never a path. */
function isFileName(balancer: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(balancer);
}
