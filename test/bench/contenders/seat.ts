import { cpuMs } from "../measure/process-usage.ts";
import type { Contender, RunningContender, Setting } from "./contender.ts";
import { pinTree } from "./pin-tree.ts";

/** A contender's place in the run: it runs, and may be started afresh. */
export class Seat {
  readonly contender: Contender;
  readonly #setting: Setting;
  readonly #pin: string | undefined;
  #running: RunningContender;

  private constructor(contender: Contender, where: SeatDeps, running: RunningContender) {
    this.contender = contender;
    this.#setting = where.setting;
    this.#pin = where.pin;
    this.#running = running;
  }

  static async take(contender: Contender, where: SeatDeps): Promise<Seat> {
    const running = await contender.start(where.setting);
    const seat = new Seat(contender, where, running);
    await pinTree(running.pid, where.pin);
    return seat;
  }

  get running(): RunningContender {
    return this.#running;
  }

  /** Processor time so far, in milliseconds. */
  get cpuMs(): number {
    return cpuMs(this.#running.pid);
  }

  /** Ends it and starts it again. */
  async startAfresh(): Promise<void> {
    await this.#running.stop();
    this.#running = await this.contender.start(this.#setting);
    await pinTree(this.#running.pid, this.#pin);
  }
}

export interface SeatDeps {
  readonly setting: Setting;
  readonly pin: string | undefined;
}
