import type { Checking } from "./create-checking.ts";
import type { CheckResult, NodeChecks, Watch } from "./node-checks.ts";
import type { ProbeResult, ProbeTarget } from "./probe.ts";
import { afterResult, type Streak } from "./streak.ts";

/** A backend as far as checking it matters. */
export interface CheckedBackend extends ProbeTarget {
  readonly name: string;
  /** What is believed at the moment. */
  readonly isLive: boolean;
}

/** What is believed about a backend has changed. */
export interface HealthFlip {
  readonly backend: string;
  readonly isHealthy: boolean;
  /** The result that decided, in words. */
  readonly why: string;
}

export interface HealthMonitorDeps {
  readonly checks: Pick<NodeChecks, "watch">;
  readonly onFlip: (flip: HealthFlip) => void;
  /** All backends have had a result; told whenever that becomes so. */
  readonly onAllKnown?: () => void;
}

interface Watched {
  /** Of the check that is watched. */
  readonly id: string;
  readonly watch: Watch;
  streak: Streak;
  /** Some check has said something about it. */
  hasVerdict: boolean;
  /** Some check of it has ended. */
  hasResult: boolean;
}

/** The health of one balancer's backends. Without a way of checking it checks nobody. */
export class HealthMonitor {
  readonly #deps: HealthMonitorDeps;
  readonly #watched = new Map<string, Watched>();
  #checking: Checking | undefined;

  constructor(deps: HealthMonitorDeps, checking: Checking | undefined) {
    this.#deps = deps;
    this.#checking = checking;
  }

  /** Whether every backend has had a result. */
  get areAllKnown(): boolean {
    return [...this.#watched.values()].every(({ hasResult }) => hasResult);
  }

  /** Checks exactly these backends from now on: starts what is new, stops what is gone. */
  sync(backends: readonly CheckedBackend[]): void {
    const wanted = new Map(backends.map((backend) => [backend.name, backend]));
    for (const [name, { watch }] of this.#watched) {
      if (wanted.has(name) && this.#checking !== undefined) continue;
      watch.stop();
      this.#watched.delete(name);
    }
    if (this.#checking === undefined) return;
    for (const backend of wanted.values()) this.#watch(this.#checking, backend);
  }

  /**
   * Checks in another way from now on. What is believed about the backends stays, and where nothing
   * but the thresholds has changed also how many results in a row there have been.
   */
  configure(checking: Checking | undefined, backends: readonly CheckedBackend[]): void {
    this.#checking = checking;
    this.sync(backends);
  }

  /** The last results of a backend's checks, newest first. */
  results(backend: string): readonly CheckResult[] {
    return this.#watched.get(backend)?.watch.results() ?? [];
  }

  /** Stops all checks, also those that are at work. */
  stop(): void {
    for (const { watch } of this.#watched.values()) watch.stop();
    this.#watched.clear();
  }

  #watch(checking: Checking, { name, host, port, isLive }: CheckedBackend): void {
    const target = checking.targetOf({ host, port });
    const id = JSON.stringify([checking.id, target]);
    const known = this.#watched.get(name);
    if (known?.id === id) return;
    const watch = this.#deps.checks.watch(checking, target, (result) =>
      this.#onResult(name, watched, result),
    );
    known?.watch.stop();
    const watched: Watched = {
      id,
      watch,
      streak: { isHealthy: isLive, against: 0 },
      hasVerdict: known?.hasVerdict ?? false,
      hasResult: known?.hasResult ?? false,
    };
    this.#watched.set(name, watched);
  }

  #onResult(backend: string, watched: Watched, result: ProbeResult): void {
    const before = watched.streak.isHealthy;
    const wasKnown = watched.hasResult;
    watched.hasResult = true;
    watched.streak = this.#streakAfter(watched, result);
    const { isHealthy } = watched.streak;
    if (isHealthy !== before) {
      const why = result.verdict === "passed" ? "the check passed" : result.detail;
      this.#deps.onFlip({ backend, isHealthy, why });
    }
    if (!wasKnown && this.areAllKnown) this.#deps.onAllKnown?.();
  }

  #streakAfter(watched: Watched, { verdict }: ProbeResult): Streak {
    if (verdict === "none" || this.#checking === undefined) return watched.streak;
    const isFirst = !watched.hasVerdict;
    watched.hasVerdict = true;
    const passed = verdict === "passed";
    if (isFirst && this.#checking.firstDecides) return { isHealthy: passed, against: 0 };
    return afterResult(watched.streak, passed, this.#checking.thresholds);
  }
}
