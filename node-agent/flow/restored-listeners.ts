import { isDeepStrictEqual } from "node:util";

import type { Clock, Timer } from "#shared/base/clock.ts";
import { listenRetryMs } from "#shared/base/limits.ts";

import type { FlowProblem } from "../apply/flows.ts";
import type { ListenerId } from "../engine/engine.ts";
import type { DataPlaneEvent } from "./data-plane-event.ts";

/** A bind that a worker cannot listen on, and why. */
export interface UnopenedBind {
  readonly listener: ListenerId;
  readonly problem: FlowProblem;
}

export interface RestoredListenersDeps {
  readonly clock: Clock;
  readonly balancer: string;
  readonly tell: (event: DataPlaneEvent) => void;
  /** Listens in one worker, on these listeners alone if they are given; tells which failed. */
  readonly listen: (
    worker: number,
    listeners?: readonly ListenerId[],
  ) => Promise<readonly UnopenedBind[]>;
}

/** What a worker that replaced another one does not listen on yet. */
interface Attempt {
  unopened: readonly UnopenedBind[];
  retry: Timer | undefined;
}

/** Has workers that replace others listen for one balancer, for as long as it takes. */
export class RestoredListeners {
  readonly #deps: RestoredListenersDeps;
  readonly #attempts = new Map<number, Attempt>();
  #hasTold = false;

  constructor(deps: RestoredListenersDeps) {
    this.#deps = deps;
  }

  /** Resolves when it was tried once; what fails is tried again by itself. */
  async restore(worker: number): Promise<void> {
    this.#attempts.get(worker)?.retry?.stop();
    const attempt: Attempt = { unopened: [], retry: undefined };
    this.#attempts.set(worker, attempt);
    await this.#listen(worker, attempt);
  }

  stop(): void {
    for (const { retry } of this.#attempts.values()) retry?.stop();
    this.#attempts.clear();
  }

  async #listen(
    worker: number,
    attempt: Attempt,
    listeners?: readonly ListenerId[],
  ): Promise<void> {
    const unopened = await this.#deps.listen(worker, listeners);
    // The worker was replaced once more meanwhile, or the balancer has ended.
    if (this.#attempts.get(worker) !== attempt) return;
    const before = attempt.unopened;
    attempt.unopened = unopened;
    this.#tell(unopened, before);
    if (unopened.length === 0) return;
    const missing = unopened.map(({ listener }) => listener);
    const again = (): void => void this.#listen(worker, attempt, missing);
    attempt.retry = this.#deps.clock.after(listenRetryMs, again);
  }

  /** A failure that lasts is told once, and its end when nothing is left to open anywhere. */
  #tell(unopened: readonly UnopenedBind[], before: readonly UnopenedBind[]): void {
    const { balancer, tell } = this.#deps;
    if (!isDeepStrictEqual(unopened, before)) {
      for (const { problem } of unopened) {
        this.#hasTold = true;
        tell({ kind: "listener.lost", balancer, code: problem.code, detail: problem.detail });
      }
    }
    const isWhole = [...this.#attempts.values()].every((one) => one.unopened.length === 0);
    if (!isWhole || !this.#hasTold) return;
    this.#hasTold = false;
    tell({ kind: "listener.recovered", balancer });
  }
}
