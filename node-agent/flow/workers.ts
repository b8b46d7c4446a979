import { errorText, Fault } from "#shared/base/fault.ts";
import { workerAnswerMsMax } from "#shared/base/limits.ts";

import { agentVersion } from "../agent-version.ts";
import type { EngineChoice } from "../engine/choose-engine.ts";
import type { Driver } from "../engine/engine.ts";
import type { SlotLedger } from "../pool/slot-ledger.ts";
import type { WorkerLinkDeps } from "./worker-link.ts";
import type { Answer, Command, ListeningSocket } from "./worker-protocol.ts";
import { WorkerSeat, type WorkerSeatDeps } from "./worker-seat.ts";

export interface WorkersDeps extends Pick<WorkerSeatDeps, "random">, SeatDeps {
  readonly ledger: SlotLedger;
  readonly engine: EngineChoice;
  /** A worker died by itself; what it held has been taken off the counters. */
  readonly onLost: (lost: LostWorker) => void;
  /** Another worker is in its place and has to be told what to serve. */
  readonly onReplaced: (worker: number) => void;
}

type SeatDeps = Pick<WorkerLinkDeps, "clock" | "spawn" | "onNotices" | "onAccessLines">;

export interface LostWorker {
  readonly worker: number;
  /** What it threw, if it did. */
  readonly detail: string;
  /** Places that it held, by slot index: clients of balancers, connections of backends. */
  readonly held: ReadonlyMap<number, number>;
}

/** How many workers there are. */
export interface WorkersView {
  readonly wanted: number;
  /** Those that are there, and not lost or still starting. */
  readonly present: number;
  /** Why the last one was lost; null while none was. */
  readonly lastLoss: string | null;
}

/** The workers of a process: as many as the ledger's memory is made for. */
export class Workers {
  readonly #deps: WorkersDeps;
  readonly #seats: readonly WorkerSeat[];
  #lastLoss: string | null = null;

  constructor(deps: WorkersDeps) {
    this.#deps = deps;
    const { workers } = deps.ledger.memory;
    const onLost = (lost: LostWorker): void => {
      this.#lastLoss = lost.detail;
      deps.onLost(lost);
    };
    const all = { ...deps, onLost };
    this.#seats = Array.from({ length: workers }, (_, index) => seatOf(all, index));
  }

  /**
   * Resolves once all of them are ready, with the driver they run.
   *
   * @throws Fault `flow/workers-not-started` when one is not ready in time
   */
  async started(): Promise<Driver> {
    const tooLate = Promise.withResolvers<never>();
    const timer = this.#deps.clock.after(workerAnswerMsMax, () => tooLate.reject(notStarted()));
    const drivers = Promise.all(this.#seats.map((seat) => seat.ready));
    const [driver = "portable"] = await Promise.race([drivers, tooLate.promise]).finally(() =>
      timer.stop(),
    );
    return driver;
  }

  get count(): number {
    return this.#seats.length;
  }

  view(): WorkersView {
    const present = this.#seats.filter(({ isReady }) => isReady).length;
    return { wanted: this.#seats.length, present, lastLoss: this.#lastLoss };
  }

  /** Tells one worker; see `WorkerSeat`. */
  post(worker: number, command: Command): void {
    this.#seats[worker]?.post(command);
  }

  /** Tells every worker. */
  broadcast(command: Command): void {
    for (const seat of this.#seats) seat.post(command);
  }

  /**
   * Asks one worker.
   *
   * @throws Fault `flow/worker-lost` when it died or did not answer in time
   */
  ask(worker: number, command: (request: number) => Command): Promise<Answer> {
    const seat = this.#seats[worker];
    if (seat === undefined) throw new RangeError(`there is no worker ${worker}`);
    return seat.ask(command);
  }

  /**
   * Asks every worker and waits for all; returns how many connections that was about. A worker that
   * dies meanwhile has nothing to say: its successor is told how things are then.
   */
  async askAll(command: (request: number) => Command): Promise<number> {
    const answers = await Promise.all(
      this.#seats.map((seat) => seat.ask(command).catch(() => undefined)),
    );
    return answers.reduce(
      (sum, answer) => sum + (answer?.kind === "done" ? answer.connections : 0),
      0,
    );
  }

  /** The listening sockets of all workers, in the order of the workers. */
  async sockets(): Promise<readonly ListeningSocket[]> {
    const answers = await Promise.all(
      this.#seats.map((seat) =>
        seat.ask((request) => ({ do: "descriptors", request })).catch(() => undefined),
      ),
    );
    return answers.flatMap((answer) => (answer?.kind === "descriptors" ? answer.descriptors : []));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.stop()));
  }
}

function seatOf(deps: WorkersDeps, worker: number): WorkerSeat {
  const { clock, random, spawn, ledger, engine, onNotices, onAccessLines } = deps;
  const onLost = (cause: unknown): void => {
    const detail = cause === undefined ? "it ended" : errorText(cause);
    deps.onLost({ worker, detail, held: ledger.settle(worker) });
  };
  const onReplaced = (): void => deps.onReplaced(worker);
  return new WorkerSeat(
    { clock, random, spawn, onNotices, onAccessLines, onLost, onReplaced },
    { agentVersion, index: worker, memory: ledger.memory, engine },
  );
}

function notStarted(): Fault {
  return new Fault({
    code: "flow/workers-not-started",
    owner: "node",
    message: `a worker was not ready within ${workerAnswerMsMax} ms`,
  });
}
