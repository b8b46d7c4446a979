import { basename, dirname } from "node:path";

import type { Disk } from "../../../node-agent/runtime/disk.ts";

interface Inode {
  /** What a read sees now. */
  text: string;
  /** What surely survives a crash; undefined when nothing was synced yet. */
  synced: string | undefined;
}

type Names = ReadonlyMap<string, Inode>;

/** Stands for the moment the power goes: nothing after it happens. */
export class PowerCut extends Error {}

/**
 * A disk in memory that forgets like a real one: file contents are safe only after their sync,
 * names only after their folder's. Every operation is a numbered step that can fail, or be the last
 * one before the power goes.
 */
export class CrashDisk implements Disk {
  /** Steps done so far. */
  steps = 0;
  /** Asked before each step; what it returns is thrown instead. */
  trouble: (step: number, what: string) => Error | undefined = () => undefined;
  #names: Names = new Map();
  /** The names after each change since their folder was last synced, the synced ones first. */
  #history: Names[] = [new Map()];

  read(path: string): Promise<string | undefined> {
    return Promise.resolve(this.#names.get(path)?.text);
  }

  list(folder: string): Promise<readonly string[]> {
    const names = [...this.#names.keys()].filter((path) => dirname(path) === folder);
    return Promise.resolve(names.map((path) => basename(path)));
  }

  write(path: string, text: string): Promise<void> {
    return this.#step(`write ${path}`, () => {
      const inode = this.#names.get(path);
      const written: Inode = { text, synced: undefined };
      if (inode === undefined) this.#rename(new Map(this.#names).set(path, written));
      else Object.assign(inode, written);
    });
  }

  sync(path: string): Promise<void> {
    return this.#step(`sync ${path}`, () => {
      const inode = this.#names.get(path);
      if (inode !== undefined) inode.synced = inode.text;
      else this.#history = [this.#names];
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#step(`rename ${from} ${to}`, () => {
      const next = new Map(this.#names);
      const inode = next.get(from);
      if (inode === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
      next.delete(from);
      this.#rename(next.set(to, inode));
    });
  }

  remove(path: string): Promise<void> {
    return this.#step(`remove ${path}`, () => {
      const next = new Map(this.#names);
      next.delete(path);
      this.#rename(next);
    });
  }

  removeFolder(path: string): Promise<void> {
    return this.#step(`remove ${path}`, () => {
      const kept = [...this.#names].filter(([name]) => !name.startsWith(`${path}/`));
      this.#rename(new Map(kept));
    });
  }

  makeFolder(path: string): Promise<void> {
    return this.#step(`folder ${dirname(path)}`, () => undefined);
  }

  /** Changes a file behind the agent's back. */
  tamper(path: string, change: (text: string) => string): void {
    const inode = this.#names.get(path);
    if (inode !== undefined) Object.assign(inode, { text: change(inode.text), synced: undefined });
  }

  paths(): readonly string[] {
    return [...this.#names.keys()];
  }

  /**
   * What is there after the power came back: of the renames since the last sync a random number
   * from the start, of contents that were not synced anything from nothing to all.
   */
  afterPowerCut(random: () => number): CrashDisk {
    const next = new CrashDisk();
    const names = this.#history[Math.floor(random() * this.#history.length)] ?? this.#names;
    next.#names = new Map([...names].map(([path, inode]) => [path, survivorOf(inode, random)]));
    next.#history = [next.#names];
    return next;
  }

  #rename(names: Names): void {
    this.#names = names;
    this.#history.push(names);
  }

  #step(what: string, run: () => void): Promise<void> {
    const trouble = this.trouble(this.steps, what);
    this.steps += 1;
    if (trouble !== undefined) return Promise.reject(trouble);
    try {
      run();
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function survivorOf(inode: Inode, random: () => number): Inode {
  const text = inode.synced ?? inode.text.slice(0, Math.floor(random() * (inode.text.length + 1)));
  return { text, synced: text };
}
