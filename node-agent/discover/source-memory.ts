import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { rememberedReadMsMax, rememberedRefreshMs } from "#shared/base/limits.ts";

import type { Disk } from "../runtime/disk.ts";
import type { Log } from "../runtime/log.ts";
import { within } from "../runtime/within.ts";
import type { AnswerMemory } from "./balancer-discovery.ts";
import type { NamedAnswer } from "./named-answer.ts";
import type { NamedAnswers } from "./remembered-file.ts";
import { RememberedFiles } from "./remembered-files.ts";

/** Where answers survive the process. */
export interface MemoryFolder {
  readonly disk: Disk;
  readonly log: Log;
  readonly path: string;
  /** This node's id. */
  readonly node: string;
}

/**
 * What the sources of this node's balancers named last, by the key of each source: in memory, and in
 * a folder where one is given. Nothing of it ever waits for the disk but `open`, for a short time.
 */
export class SourceMemory implements Stoppable {
  readonly name = "source memory";
  readonly #clock: Clock;
  readonly #log: Log | undefined;
  readonly #files: RememberedFiles | undefined;
  readonly #refreshing: Timer | undefined;
  readonly #answers = new Map<string, NamedAnswers>();
  /** Balancers that have nothing to remember. */
  readonly #without = new Set<string>();

  /** Without a folder it ends with the process. */
  constructor(clock: Clock, folder?: MemoryFolder) {
    this.#clock = clock;
    if (folder === undefined) return;
    const { disk, log, path, node } = folder;
    const answersOf = (balancer: string): NamedAnswers => this.#known(balancer);
    this.#log = log;
    this.#files = new RememberedFiles({ disk, clock, log, folder: path, node, answersOf });
    this.#refreshing = clock.every(rememberedRefreshMs, () => this.#refresh());
  }

  /** Reads what is on disk of a balancer that starts. Never rejects, and never takes long. */
  async open(balancer: string): Promise<void> {
    if (this.#files === undefined || this.#answers.has(balancer)) return;
    const bound = { ms: rememberedReadMsMax, otherwise: "late" as const };
    const found = await within(this.#clock, this.#files.read(balancer), bound);
    if (found === "late") {
      this.#log?.warn({ balancer }, "the disk is too slow to say what sources named before");
    } else if (found !== undefined) {
      this.#answers.set(balancer, new Map([...found.answers, ...this.#known(balancer)]));
      if (found.ageMs > rememberedRefreshMs) this.#files.changed(balancer);
    }
  }

  /** What concerns one balancer. */
  of(balancer: string): AnswerMemory {
    return {
      recall: (key) => this.#answers.get(balancer)?.get(key),
      remember: (key, answer) => this.#remember(balancer, key, answer),
      keep: (keys) => this.#keep(balancer, keys),
    };
  }

  /** There are these balancers, and no other. */
  keepOnly(balancers: ReadonlySet<string>): void {
    for (const known of [this.#answers, this.#without]) {
      for (const balancer of known.keys()) if (!balancers.has(balancer)) known.delete(balancer);
    }
    this.#files?.keepOnly(balancers.difference(this.#without));
  }

  /** Writes what there is; then the disk is another process's until the returned function is called. */
  hold(): Promise<() => void> {
    return this.#files?.hold() ?? Promise.resolve(() => undefined);
  }

  /** Writes what there is, unless it is held, and then nothing any more. */
  async stop(): Promise<void> {
    this.#refreshing?.stop();
    await this.#files?.stop();
  }

  /** On disk soon, if it names others than before. */
  #remember(balancer: string, key: string, answer: NamedAnswer): void {
    const answers = this.#known(balancer);
    const before = answers.get(key);
    this.#answers.set(balancer, new Map(answers).set(key, answer));
    if (before === undefined || !namesTheSame(before, answer)) this.#files?.changed(balancer);
  }

  /** A balancer has these sources to remember, and no other. */
  #keep(balancer: string, keys: ReadonlySet<string>): void {
    if (keys.size === 0) this.#without.add(balancer);
    else this.#without.delete(balancer);
    const answers = this.#known(balancer);
    const kept = [...answers].filter(([key]) => keys.has(key));
    if (kept.length === answers.size) return;
    this.#answers.set(balancer, new Map(kept));
    this.#files?.changed(balancer);
  }

  #known(balancer: string): NamedAnswers {
    return this.#answers.get(balancer) ?? nothing;
  }

  /** A file's age is the time that no agent ran: of balancers that are served it stays small. */
  #refresh(): void {
    for (const balancer of this.#answers.keys()) this.#files?.changed(balancer);
  }
}

const nothing: NamedAnswers = new Map();

/** In whatever order: many sources give a list in another order each time. */
function namesTheSame(one: NamedAnswer, other: NamedAnswer): boolean {
  if (one.backends === other.backends) return true;
  if (one.backends.length !== other.backends.length) return false;
  const texts = new Set(one.backends.map((backend) => JSON.stringify(backend)));
  return other.backends.every((backend) => texts.has(JSON.stringify(backend)));
}
