import type { Clock } from "#shared/base/clock.ts";
import { checkResultsKept } from "#shared/base/limits.ts";

import type { Checking } from "./create-checking.ts";
import { startHealthLoop, type HealthLoop } from "./health-loop.ts";
import type { ProbeResult, ProbeTarget } from "./probe.ts";

/** A result, and when the check that brought it ended (wall clock). */
export type CheckResult = ProbeResult & { readonly atMs: number };

/** A check of one target that somebody wants to know the results of. */
export interface Watch {
  /** The last results, newest first. */
  results(): readonly CheckResult[];
  /** Nothing is reported afterwards; the last one who watches ends the check. */
  stop(): void;
}

export interface NodeChecksDeps {
  readonly clock: Clock;
  readonly random: () => number;
}

type OnResult = (result: ProbeResult) => void;

interface SharedCheck {
  readonly loop: HealthLoop;
  readonly watchers: Set<OnResult>;
  /** Newest first. */
  results: readonly CheckResult[];
}

/**
 * All checks that run on this node. A target that several balancers check in the same way is checked
 * once, and each of them makes of the results what it wants.
 */
export class NodeChecks {
  readonly #deps: NodeChecksDeps;
  readonly #running = new Map<string, SharedCheck>();

  constructor(deps: NodeChecksDeps) {
    this.#deps = deps;
  }

  /** Checks that run; each has one target. */
  get count(): number {
    return this.#running.size;
  }

  /** Results from now on; who comes to a check that runs already hears its last result soon. */
  watch(checking: Checking, target: ProbeTarget, onResult: OnResult): Watch {
    const id = JSON.stringify([checking.id, target.host, target.port]);
    const shared = this.#running.get(id) ?? this.#start(id, checking, target);
    // A function of its own, so that nobody is counted once who watches twice.
    const watcher: OnResult = (result) => onResult(result);
    shared.watchers.add(watcher);
    const [last] = shared.results;
    if (last !== undefined) {
      queueMicrotask(() => {
        if (shared.watchers.has(watcher)) watcher(last);
      });
    }
    return {
      results: () => shared.results,
      stop: () => this.#leave(id, shared, watcher),
    };
  }

  #start(id: string, { probe, intervalMs }: Checking, target: ProbeTarget): SharedCheck {
    const watchers = new Set<OnResult>();
    const onResult = (result: ProbeResult): void => {
      const atMs = this.#deps.clock.nowMs();
      shared.results = [{ ...result, atMs }, ...shared.results].slice(0, checkResultsKept);
      for (const watcher of watchers) watcher(result);
    };
    const loop = startHealthLoop({ ...this.#deps, probe }, { target, intervalMs, onResult });
    const shared: SharedCheck = { loop, watchers, results: [] };
    this.#running.set(id, shared);
    return shared;
  }

  #leave(id: string, shared: SharedCheck, watcher: OnResult): void {
    shared.watchers.delete(watcher);
    if (shared.watchers.size > 0) return;
    shared.loop.stop();
    if (this.#running.get(id) === shared) this.#running.delete(id);
  }
}
