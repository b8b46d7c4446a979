import { backoffMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { applyRetryFirstMs, applyRetryMsMax } from "#shared/base/limits.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { AckFrame, ApplyError } from "#shared/wire/node-frames.ts";

import type { Log } from "../runtime/log.ts";
import { createAdmit, type Admission, type Admit, type AdmitTerms } from "./admit.ts";
import { applyEvents, type ApplyEvent } from "./apply-events.ts";
import { applyErrors, balancerOutcomes, touchedBy } from "./apply-result.ts";
import { execute, type StepResult } from "./execute.ts";
import type { Flows } from "./flows.ts";
import { plan } from "./plan.ts";
import {
  withoutRunning,
  withRunning,
  type Failing,
  type FailingBalancers,
  type Running,
} from "./running.ts";

/** What shall run: a snapshot that was verified, with its secrets opened. */
export interface WantedSnapshot {
  readonly version: Version;
  readonly entries: readonly SnapshotEntry[];
  readonly secrets: ReadonlyMap<string, string>;
}

/** What became of it; `superseded` when something newer came in between. */
export type Applied =
  | {
      readonly kind: "applied";
      readonly balancers: AckFrame["balancers"];
      readonly errors: readonly ApplyError[];
      readonly connections: AckFrame["connections"];
    }
  | { readonly kind: "superseded" };

export interface ApplierDeps {
  readonly flows: Flows;
  readonly terms: AdmitTerms;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onEvent: (event: ApplyEvent) => void;
  /** A retry changed how the applied snapshot fares. */
  readonly onChange: (recovered: AckFrame["balancers"], errors: readonly ApplyError[]) => void;
}

/** What the applier sees at one moment. */
export interface ApplierView {
  /** The version that was applied last; null before the first. */
  readonly version: Version | null;
  readonly running: Running;
  readonly failing: FailingBalancers;
}

/**
 * Makes the data plane run what is wanted. One run at a time, and the newest wins: a run that is
 * overtaken stops at its next step, and the next one plans from what runs then. What fails keeps
 * its last good form and is tried again with backoff, as long as nothing newer is wanted.
 */
export class Applier implements Stoppable {
  readonly name = "applier";
  readonly #deps: ApplierDeps;
  readonly #admit: Admit;
  #wanted: WantedSnapshot | undefined;
  #version: Version | null = null;
  #running: Running = new Map();
  #failing: FailingBalancers = new Map();
  #runner: Promise<unknown> = Promise.resolve();
  #retry: Timer | undefined;
  #attempt = 0;
  #frozen = false;

  constructor(deps: ApplierDeps) {
    this.#deps = deps;
    this.#admit = createAdmit(deps.terms);
  }

  /** Applies a snapshot; resolves when all of its steps are done, or something newer came. */
  apply(wanted: WantedSnapshot): Promise<Applied> {
    if (this.#frozen) return Promise.resolve({ kind: "superseded" });
    this.#wanted = wanted;
    this.#attempt = 0;
    this.#retry?.stop();
    return this.#enqueue(() => this.#applied(wanted));
  }

  view(): ApplierView {
    return { version: this.#version, running: this.#running, failing: this.#failing };
  }

  /** Nothing is started or changed any more; resolves when what was under way is done. */
  async freeze(): Promise<void> {
    this.#frozen = true;
    this.#wanted = undefined;
    this.#retry?.stop();
    await this.#runner;
  }

  stop(): Promise<void> {
    return this.freeze();
  }

  #enqueue<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#runner.then(run);
    this.#runner = turn;
    return turn;
  }

  async #applied(wanted: WantedSnapshot): Promise<Applied> {
    const results = await this.#run(wanted);
    if (this.#wanted !== wanted) return { kind: "superseded" };
    this.#version = wanted.version;
    return {
      kind: "applied",
      balancers: balancerOutcomes(results),
      errors: applyErrors(this.#failing),
      connections: touchedBy(results),
    };
  }

  async #retried(wanted: WantedSnapshot): Promise<void> {
    if (this.#wanted !== wanted) return;
    const before = this.#failing;
    const results = await this.#run(wanted);
    if (this.#wanted !== wanted || sameFailing(before, this.#failing)) return;
    this.#deps.onChange(balancerOutcomes(results), applyErrors(this.#failing));
  }

  async #run(wanted: WantedSnapshot): Promise<readonly StepResult[]> {
    const { flows, clock } = this.#deps;
    const isOvertaken = (): boolean => this.#wanted !== wanted;
    if (isOvertaken()) return [];
    const admission = this.#admit(wanted.entries, wanted.secrets);
    const kept = new Set(admission.refused.keys());
    const waves = plan(this.#running, { balancers: admission.admitted, kept });
    const results: StepResult[] = [];
    const onResult = (result: StepResult): void => {
      results.push(result);
      this.#running = afterStep(this.#running, result);
      this.#logResult(result);
    };
    await execute({ flows, clock, onResult, isOvertaken }, waves);
    if (!isOvertaken()) this.#settle(failingAfter(admission, results), wanted);
    return results;
  }

  #settle(failing: FailingBalancers, wanted: WantedSnapshot): void {
    for (const event of applyEvents(this.#failing, failing)) this.#deps.onEvent(event);
    this.#failing = failing;
    if (![...failing.values()].some(({ retry }) => retry)) return;
    const options = { firstMs: applyRetryFirstMs, maxMs: applyRetryMsMax };
    const waitMs = backoffMs(this.#attempt, options, this.#deps.random);
    this.#attempt += 1;
    this.#retry = this.#deps.clock.after(waitMs, () => {
      void this.#enqueue(() => this.#retried(wanted));
    });
  }

  #logResult({ step, outcome, ms }: StepResult): void {
    const balancer = step.do === "remove" ? step.id : step.balancer.id;
    const { log } = this.#deps;
    if (outcome.ok) return log.info({ balancer, ms }, `balancer: ${step.do} done`);
    // A balancer that keeps failing is in the status and in `failing`; its retries are not news.
    const known = this.#failing.has(balancer);
    log[known ? "debug" : "warn"](
      { balancer, ms, problems: outcome.problems },
      `balancer: ${step.do} failed`,
    );
  }
}

function afterStep(running: Running, { step, outcome }: StepResult): Running {
  if (!outcome.ok) return running;
  if (step.do === "remove") return withoutRunning(running, step.id);
  return withRunning(running, step.balancer);
}

function failingAfter(admission: Admission, results: readonly StepResult[]): FailingBalancers {
  const failing = new Map<string, Failing>();
  for (const [id, problems] of admission.refused) failing.set(id, { problems, retry: false });
  for (const { step, outcome } of results) {
    const id = step.do === "remove" ? step.id : step.balancer.id;
    if (!outcome.ok) failing.set(id, { problems: outcome.problems, retry: true });
  }
  return failing;
}

function sameFailing(before: FailingBalancers, after: FailingBalancers): boolean {
  return JSON.stringify(applyErrors(before)) === JSON.stringify(applyErrors(after));
}
