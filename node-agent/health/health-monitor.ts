import type { Clock } from "#shared/base/clock.ts";

import type { CheckGate } from "./gated-probe.ts";
import { startHealthLoop, type HealthLoop } from "./health-loop.ts";
import type { Probe, ProbeResult, ProbeTarget } from "./probe.ts";
import type { Streak, StreakThresholds } from "./streak.ts";

/** A backend as far as checking it matters. */
export interface CheckedBackend extends ProbeTarget {
  readonly name: string;
  /** What is believed at the moment. */
  readonly isLive: boolean;
}

/** A kind of check with its settings. */
export interface Checking {
  readonly probe: Probe;
  readonly intervalMs: number;
  readonly thresholds: StreakThresholds;
}

/** What is believed about a backend has changed. */
export interface HealthFlip {
  readonly backend: string;
  readonly isHealthy: boolean;
  /** The result that decided, in words. */
  readonly why: string;
}

export interface HealthMonitorDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly gate: CheckGate;
  readonly onFlip: (flip: HealthFlip) => void;
}

/** The checks of one balancer's backends. Without a way of checking it checks nobody. */
export class HealthMonitor {
  readonly #deps: HealthMonitorDeps;
  readonly #loops = new Map<string, HealthLoop>();
  #checking: Checking | undefined;

  constructor(deps: HealthMonitorDeps, checking: Checking | undefined) {
    this.#deps = deps;
    this.#checking = checking;
  }

  /** Checks exactly these backends from now on: starts what is new, stops what is gone. */
  sync(backends: readonly CheckedBackend[]): void {
    const wanted = new Map(backends.map((backend) => [backend.name, backend]));
    for (const [name, loop] of this.#loops) {
      if (wanted.has(name)) continue;
      loop.stop();
      this.#loops.delete(name);
    }
    for (const backend of wanted.values()) {
      if (!this.#loops.has(backend.name)) this.#start(backend);
    }
  }

  /** Checks in another way from now on. What is believed about the backends stays. */
  configure(checking: Checking | undefined, backends: readonly CheckedBackend[]): void {
    this.stop();
    this.#checking = checking;
    this.sync(backends);
  }

  /** Stops all checks, also those that are at work. */
  stop(): void {
    for (const loop of this.#loops.values()) loop.stop();
    this.#loops.clear();
  }

  #start({ name, host, port, isLive }: CheckedBackend): void {
    if (this.#checking === undefined) return;
    const { clock, random, gate, onFlip } = this.#deps;
    const { probe, intervalMs, thresholds } = this.#checking;
    let isHealthy = isLive;
    const onResult = (streak: Streak, result: ProbeResult): void => {
      if (streak.isHealthy === isHealthy) return;
      isHealthy = streak.isHealthy;
      onFlip({
        backend: name,
        isHealthy,
        why: result.verdict === "passed" ? "the check passed" : result.detail,
      });
    };
    const loop = startHealthLoop(
      { clock, random, probe: gate.gated(probe) },
      {
        target: { host, port },
        intervalMs,
        thresholds,
        streak: { isHealthy, against: 0 },
        onResult,
      },
    );
    this.#loops.set(name, loop);
  }
}
