import { backoffMs } from "#shared/base/backoff.ts";
import type { Clock, Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { applyRetryFirstMs, applyRetryMsMax } from "#shared/base/limits.ts";
import { certificateIdsOf } from "#shared/definition/certificate-references.ts";
import type { SnapshotEntry } from "#shared/snapshot/snapshot.ts";
import type { Version } from "#shared/snapshot/version.ts";
import type { AckFrame, ApplyError } from "#shared/wire/node-frames.ts";

import type { Log } from "../runtime/log.ts";
import { createAdmit, type Admission, type Admit, type AdmitTerms } from "./admit.ts";
import { applyEvents, type ApplyEvent } from "./apply-events.ts";
import { applyErrors, balancerOutcomes, touchedBy } from "./apply-result.ts";
import { execute, type StepResult } from "./execute.ts";
import { failingAfter } from "./failing-after.ts";
import type { CertificateShelf, FlowProblem, Flows } from "./flows.ts";
import { balancerOf, type Step } from "./plan-change.ts";
import { planSafely } from "./plan-safely.ts";
import { plan } from "./plan.ts";
import { retreat } from "./retreat.ts";
import { withoutRunning, withRunning, type FailingBalancers, type Running } from "./running.ts";

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
  readonly certificates: CertificateShelf;
  readonly terms: AdmitTerms;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onEvent: (event: ApplyEvent) => void;
  /** These balancers are wanted: what is kept of others can go. */
  readonly onWanted?: (balancers: ReadonlySet<string>) => void;
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
 * its last good form, or gets it back when it had been removed to make room, and is tried again with
 * backoff, as long as nothing newer is wanted.
 */
export class Applier implements Stoppable {
  readonly name = "applier";
  readonly #deps: ApplierDeps;
  readonly #admit: Admit;
  #wanted: WantedSnapshot | undefined;
  #version: Version | null = null;
  #running: Running = new Map();
  /** Last good forms of balancers that are wanted and do not run, because others took their place. */
  #missing: Running = new Map();
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

  /** Waits for what is under way; what comes then waits until the returned function is called. */
  async hold(): Promise<() => void> {
    const gate = Promise.withResolvers<undefined>();
    await new Promise<void>((resolve) => {
      void this.#enqueue(() => {
        resolve();
        return gate.promise;
      });
    });
    return () => gate.resolve(undefined);
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
    if (this.#wanted !== wanted) return [];
    const before = this.#running;
    const { certificates } = this.#deps;
    const admission = this.#admit(wanted.entries, {
      secrets: wanted.secrets,
      hasCertificate: (id) => certificates.get(id) !== undefined,
    });
    // Balancers that run take a renewed one at once; those that start find theirs.
    certificates.put(admission.certificates);
    const { waves, held } = await planSafely(this.#deps.flows, {
      running: before,
      wanted: { balancers: admission.admitted, kept: new Set(admission.refused.keys()) },
      doubtful: mayDisplace(this.#attempt) ? new Map() : this.#triedInVain(admission),
    });
    const results = await this.#execute(wanted, waves);
    this.#missing = this.#missingAfter(admission, before);
    const retreated = await this.#retreat(wanted, before);
    this.#missing = this.#missingAfter(admission, before);
    if (this.#wanted === wanted) {
      this.#settle(failingAfter({ admission, held, results, retreated }), wanted);
      certificates.keepOnly(this.#neededCertificates(wanted));
      this.#deps.onWanted?.(new Set(wanted.entries.map(({ id }) => id)));
    }
    return [...results, ...retreated];
  }

  /** Those of the snapshot, and those of balancers that run in an older form, or may again. */
  #neededCertificates({ entries }: WantedSnapshot): ReadonlySet<string> {
    const forms = [...this.#running.values(), ...this.#missing.values()];
    return new Set([
      ...entries.map(({ id }) => id),
      ...forms.flatMap(({ definition }) => certificateIdsOf(definition)),
    ]);
  }

  async #execute(
    wanted: WantedSnapshot,
    waves: readonly (readonly Step[])[],
  ): Promise<readonly StepResult[]> {
    const { flows, clock } = this.#deps;
    const results: StepResult[] = [];
    const onResult = (result: StepResult): void => {
      results.push(result);
      this.#running = afterStep(this.#running, result);
      this.#logResult(result);
    };
    await execute({ flows, clock, onResult, isOvertaken: () => this.#wanted !== wanted }, waves);
    return results;
  }

  /** Brings balancers back that were removed for others and could not start as wanted. */
  async #retreat(wanted: WantedSnapshot, before: Running): Promise<readonly StepResult[]> {
    if (this.#missing.size === 0 || this.#wanted !== wanted) return [];
    const missing = [...this.#missing.values()];
    const forms = retreat({ before, running: this.#running, missing });
    return this.#execute(
      wanted,
      plan(this.#running, { balancers: [...forms.values()], kept: new Set() }),
    );
  }

  #missingAfter({ admitted, refused }: Admission, before: Running): Running {
    const wanted = [...admitted.map(({ id }) => id), ...refused.keys()];
    const forms = wanted.flatMap((id) => {
      const form = before.get(id) ?? this.#missing.get(id);
      return form === undefined || this.#running.has(id) ? [] : [form];
    });
    return new Map(forms.map((form) => [form.id, form]));
  }

  #triedInVain({ admitted }: Admission): ReadonlyMap<string, readonly FlowProblem[]> {
    const failing = admitted.flatMap(({ id }) => {
      const problems = this.#failing.get(id)?.problems;
      return problems === undefined ? [] : [[id, problems] as const];
    });
    return new Map(failing);
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
    const balancer = balancerOf(step);
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

/**
 * Removing a balancer for the sake of another one costs it connections: where that came to nothing
 * it is tried again less and less often, at the tries 1, 2, 4, 8 … of all.
 */
function mayDisplace(attempt: number): boolean {
  return attempt === 0 || Number.isInteger(Math.log2(attempt));
}

function sameFailing(before: FailingBalancers, after: FailingBalancers): boolean {
  return JSON.stringify(applyErrors(before)) === JSON.stringify(applyErrors(after));
}
