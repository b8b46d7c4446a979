import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";

import type { Driver } from "../engine/engine.ts";
import type { AccessLines } from "../runtime/access-log.ts";
import type { SpawnWorker, WorkerThread } from "./spawn-thread.ts";
import type { Answer, Command, Notice, WorkerInit, WorkerReport } from "./worker-protocol.ts";

export interface WorkerLinkDeps {
  readonly clock: Clock;
  readonly spawn: SpawnWorker;
  readonly onReady: (driver: Driver) => void;
  readonly onNotices: (notices: readonly Notice[]) => void;
  readonly onAccessLines: (lines: AccessLines) => void;
  /** The thread has ended; `cause` is what it threw, if it did. */
  readonly onExit: (cause: unknown) => void;
}

interface Asked {
  readonly answer: PromiseWithResolvers<Answer>;
  readonly stopTimer: () => void;
}

/** One worker as the main thread talks with it: commands, and answers by number. */
export class WorkerLink {
  readonly #deps: WorkerLinkDeps;
  readonly #thread: WorkerThread;
  readonly #asked = new Map<number, Asked>();
  #lastRequest = 0;
  #isDead = false;

  constructor(deps: WorkerLinkDeps, init: WorkerInit) {
    this.#deps = deps;
    this.#thread = deps.spawn(init, {
      onReport: (report) => this.#onReport(report),
      onExit: (cause) => this.#onExit(cause),
    });
  }

  /** A command without an answer; lost when the worker is dead. */
  post(command: Command): void {
    if (!this.#isDead) this.#thread.post(command);
  }

  /**
   * A command with an answer.
   *
   * @throws Fault `flow/worker-lost` when the worker died or did not answer in time
   */
  ask(command: (request: number) => Command, withinMs: number): Promise<Answer> {
    if (this.#isDead) return Promise.reject(workerLost("has ended"));
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    const answer = Promise.withResolvers<Answer>();
    const timer = this.#deps.clock.after(withinMs, () => {
      this.#asked.delete(request);
      answer.reject(workerLost(`did not answer within ${withinMs} ms`));
    });
    this.#asked.set(request, { answer, stopTimer: () => timer.stop() });
    this.#thread.post(command(request));
    return answer.promise;
  }

  /** Ends the thread at once. */
  terminate(): Promise<void> {
    return this.#thread.terminate();
  }

  #onReport(report: WorkerReport): void {
    switch (report.tell) {
      case "ready":
        return this.#deps.onReady(report.driver);
      case "answer":
        return this.#settle(report.request, (asked) => asked.answer.resolve(report.answer));
      case "notices":
        return this.#deps.onNotices(report.notices);
      case "access":
        this.#deps.onAccessLines(report.lines);
        return this.post({ do: "access-taken" });
    }
  }

  #onExit(cause: unknown): void {
    this.#isDead = true;
    for (const request of this.#asked.keys()) {
      this.#settle(request, (asked) => asked.answer.reject(workerLost("has ended")));
    }
    this.#deps.onExit(cause);
  }

  #settle(request: number, how: (asked: Asked) => void): void {
    const asked = this.#asked.get(request);
    if (asked === undefined) return;
    this.#asked.delete(request);
    asked.stopTimer();
    how(asked);
  }
}

/** A worker could not do what it was asked, because it is no more or hangs. */
export function workerLost(why: string): Fault {
  return new Fault({ code: "flow/worker-lost", owner: "node", message: `a worker ${why}` });
}
