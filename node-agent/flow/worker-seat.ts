import { backoffMs } from "#shared/base/backoff.ts";
import type { Timer } from "#shared/base/clock.ts";
import {
  workerAnswerMsMax,
  workerRestartFirstMs,
  workerRestartMsMax,
  workerSteadyMs,
  workerStopMsMax,
} from "#shared/base/limits.ts";

import type { Driver } from "../engine/engine.ts";
import { WorkerLink, workerLost, type WorkerLinkDeps } from "./worker-link.ts";
import type { Answer, Command, WorkerInit } from "./worker-protocol.ts";

export interface WorkerSeatDeps extends Pick<
  WorkerLinkDeps,
  "clock" | "spawn" | "onNotices" | "onAccessLines"
> {
  readonly random: () => number;
  /** The worker died by itself; `cause` is what it threw, if it did. */
  readonly onLost: (cause: unknown) => void;
  /** Another one has taken its place and knows nothing yet; what is asked meanwhile comes after. */
  readonly onReplaced: () => void;
}

/**
 * A worker's place. Whoever sits there and dies is replaced: at once the first time, then with
 * backoff, until one has lived for `workerSteadyMs`.
 */
export class WorkerSeat {
  readonly #deps: WorkerSeatDeps;
  readonly #init: WorkerInit;
  #link: WorkerLink;
  #ready = Promise.withResolvers<Driver>();
  #exited = Promise.withResolvers<undefined>();
  #startedMs = 0;
  #deaths = 0;
  #isReady = false;
  #restart: Timer | undefined;
  #isStopping = false;

  constructor(deps: WorkerSeatDeps, init: WorkerInit) {
    this.#deps = deps;
    this.#init = init;
    this.#link = this.#spawn();
  }

  /** Whether a worker sits there that can be asked. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves once a worker can be asked. After a death that means its successor. */
  get ready(): Promise<Driver> {
    return this.#ready.promise;
  }

  /** A command without an answer; lost when nobody sits there, since a successor is told everything. */
  post(command: Command): void {
    this.#link.post(command);
  }

  /**
   * A command with an answer; waits for a successor when nobody sits there.
   *
   * @throws Fault `flow/worker-lost` when the worker died or did not answer in time
   */
  async ask(command: (request: number) => Command): Promise<Answer> {
    if (!this.#isReady) await this.#successor();
    return this.#link.ask(command, workerAnswerMsMax);
  }

  /** Lets the worker close its connections, then ends it; resolves once it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#restart?.stop();
    const stopped = this.#link.ask((request) => ({ do: "stop", request }), workerStopMsMax);
    // Whether it answered or hung or was dead already: it is ended.
    await stopped.catch(() => undefined);
    await this.#link.terminate();
    await this.#exited.promise;
  }

  #spawn(): WorkerLink {
    const { clock, spawn, onNotices, onAccessLines } = this.#deps;
    this.#startedMs = clock.monotonicMs();
    const onReady = (driver: Driver): void => {
      this.#isReady = true;
      if (this.#deaths > 0) this.#deps.onReplaced();
      this.#ready.resolve(driver);
    };
    const onExit = (cause: unknown): void => this.#onExit(cause);
    return new WorkerLink({ clock, spawn, onNotices, onAccessLines, onReady, onExit }, this.#init);
  }

  async #successor(): Promise<void> {
    const tooLong = Promise.withResolvers<never>();
    const timer = this.#deps.clock.after(workerAnswerMsMax, () => {
      tooLong.reject(workerLost(`had no successor within ${workerAnswerMsMax} ms`));
    });
    await Promise.race([this.#ready.promise, tooLong.promise]).finally(() => timer.stop());
  }

  #onExit(cause: unknown): void {
    this.#exited.resolve(undefined);
    if (this.#isStopping) return;
    const livedMs = this.#deps.clock.monotonicMs() - this.#startedMs;
    const waitMs = livedMs >= workerSteadyMs ? 0 : this.#backoffMs();
    this.#deaths = livedMs >= workerSteadyMs ? 1 : this.#deaths + 1;
    if (this.#isReady) this.#ready = Promise.withResolvers();
    this.#isReady = false;
    this.#deps.onLost(cause);
    this.#restart = this.#deps.clock.after(waitMs, () => {
      this.#exited = Promise.withResolvers();
      this.#link = this.#spawn();
    });
  }

  #backoffMs(): number {
    if (this.#deaths === 0) return 0;
    const options = { firstMs: workerRestartFirstMs, maxMs: workerRestartMsMax };
    return backoffMs(this.#deaths - 1, options, this.#deps.random);
  }
}
