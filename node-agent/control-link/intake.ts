import type { Clock, Timer } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { ackMergeMs, snapshotProvenMs } from "#shared/base/limits.ts";
import { applyDifference } from "#shared/snapshot/difference.ts";
import { entryKey } from "#shared/snapshot/manifest.ts";
import {
  manifestOfSnapshot,
  type Snapshot,
  type SnapshotEntry,
} from "#shared/snapshot/snapshot.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";
import type { DeltaFrame, RefFrame } from "#shared/wire/control-frames.ts";
import type { AckFrame, ApplyError } from "#shared/wire/node-frames.ts";

import type { Log } from "../runtime/log.ts";
import type { ConfigOutcome } from "./link-machine-events.ts";
import type { ConfigFrame } from "./link-machine-state.ts";
import { namedSecrets, openSecrets, type SecretReader } from "./open-secrets.ts";
import type { SnapshotKeeper } from "./snapshot-keeper.ts";
import type { FoundSnapshot, SnapshotStore } from "./snapshot-store.ts";
import { verificationRefusal, type SnapshotOwner } from "./verify-snapshot.ts";

/** A snapshot that was verified, on its way to being applied. */
export interface WantedSnapshot {
  readonly version: Version;
  readonly entries: readonly SnapshotEntry[];
  /** Opened secrets by id. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** What became of it; `superseded` when a newer one came in between. */
export type Applied =
  | {
      readonly kind: "applied";
      readonly balancers: AckFrame["balancers"];
      readonly errors: readonly ApplyError[];
      readonly connections: AckFrame["connections"];
    }
  | { readonly kind: "superseded" };

export interface IntakeDeps {
  readonly owner: SnapshotOwner;
  readonly secrets: SecretReader;
  readonly store: SnapshotStore;
  readonly keeper: SnapshotKeeper;
  readonly fetch: (ref: RefFrame) => Promise<Snapshot>;
  readonly apply: (wanted: WantedSnapshot) => Promise<Applied>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The one way of a snapshot into the node: verified, stored, applied, whoever brought it. */
export class Intake implements Stoppable {
  readonly name = "intake";
  readonly #deps: IntakeDeps;
  #held: Snapshot | undefined;
  #proof: Timer | undefined;
  #tell: (outcome: ConfigOutcome) => void = () => undefined;
  #taking: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** Hears what becomes of messages, and of the resumed snapshot. Set once. */
  onOutcome(listener: (outcome: ConfigOutcome) => void): void {
    this.#tell = listener;
  }

  /** Finds and verifies what the last run left on disk; called once, first. */
  async load(): Promise<FoundSnapshot> {
    const found = await this.#deps.store.start();
    if (found.snapshot !== undefined) this.#hold(found.snapshot);
    return found;
  }

  /** Applies what `load` found; undefined when there was nothing. */
  async resume(): Promise<Applied | undefined> {
    return this.#held === undefined ? undefined : this.#apply(this.#held);
  }

  /** Tells again what came of `resume`, for a listener that was not there yet. */
  retell(resumed: Applied): void {
    if (resumed.kind === "superseded" || this.#held === undefined) return;
    this.#tell({ ...resumed, kind: "settled", version: this.#held.version });
  }

  /**
   * Takes a message; called again only after `accepted`, `refused` or `fetch-failed`. Never rejects.
   */
  take(frame: ConfigFrame): Promise<void> {
    const turn = this.#taking.then(() => this.#take(frame));
    this.#taking = turn;
    return turn;
  }

  /** The version that was taken last, and is on disk or on its way there. */
  get held(): Version | undefined {
    return this.#held?.version;
  }

  /** Waits for what is being taken; what comes then waits until the returned function is called. */
  async hold(): Promise<() => void> {
    const gate = Promise.withResolvers<undefined>();
    const before = this.#taking;
    this.#taking = before.then(() => gate.promise);
    await before;
    return () => gate.resolve(undefined);
  }

  async #take(frame: ConfigFrame): Promise<void> {
    if (this.#isStopped) return;
    if (frame.t === "delta") {
      return this.#admit(changed(this.#held, frame, this.#deps.owner), true);
    }
    const snapshot = await this.#pulled(frame);
    if (snapshot === undefined) return this.#tell({ kind: "fetch-failed" });
    return this.#admit(snapshot, false);
  }

  /** Takes nothing more, and marks nothing on disk. */
  stop(): void {
    this.#isStopped = true;
    this.#proof?.stop();
  }

  async #pulled(frame: RefFrame): Promise<Snapshot | undefined> {
    try {
      return await this.#deps.fetch(frame);
    } catch (error) {
      this.#deps.log.warn({ version: frame.to, error: errorText(error) }, "snapshot not pulled");
      return undefined;
    }
  }

  async #admit(snapshot: Snapshot, inline: boolean): Promise<void> {
    const { version } = snapshot;
    const why = reasonAgainst(this.#deps, snapshot);
    if (why !== undefined) {
      this.#deps.log.error({ version, why }, "snapshot refused");
      const whole = inline && why === "bad-root";
      return this.#tell({ kind: "refused", version, error: refusalError(why), whole });
    }
    const durable = await this.#deps.keeper.keep(snapshot);
    this.#hold(snapshot);
    this.#tell({ kind: "accepted", version, durable });
    await this.#apply(snapshot);
  }

  async #apply(snapshot: Snapshot): Promise<Applied> {
    const { version, entries } = snapshot;
    const slow = this.#deps.clock.after(ackMergeMs, () => this.#tell({ kind: "slow", version }));
    const secrets = openSecrets(this.#deps.secrets, snapshot.secrets);
    const result = await this.#deps.apply({ version, entries, secrets });
    slow.stop();
    if (result.kind === "applied") this.#tell({ ...result, kind: "settled", version });
    return result;
  }

  /** What runs for a while without the agent dying is worth going back to. */
  #hold(snapshot: Snapshot): void {
    const { clock, store, log } = this.#deps;
    this.#held = snapshot;
    this.#proof?.stop();
    this.#proof = clock.after(snapshotProvenMs, () => {
      store.proven(snapshot.version).catch((error: unknown) => {
        log.debug({ error: errorText(error) }, "snapshot not marked as proven");
      });
    });
  }
}

/** Why a snapshot may not be used: what verification says, or that it crashed the agent before. */
function reasonAgainst(deps: IntakeDeps, snapshot: Snapshot): string | undefined {
  const refusal = verificationRefusal(snapshot, deps.owner);
  if (refusal !== undefined) return refusal;
  return sameVersion(deps.store.reverted(), snapshot.version) ? "crash-loop" : undefined;
}

/** What is held, with a difference applied to it; its signature then proves the result. */
function changed(held: Snapshot | undefined, delta: DeltaFrame, owner: SnapshotOwner): Snapshot {
  const difference = { changed: delta.up, removed: delta.del };
  const manifest = applyDifference(held === undefined ? [] : manifestOfSnapshot(held), difference);
  const bodies = new Map(
    [...(held?.entries ?? []), ...delta.up].map((entry) => [entryKey(entry), entry.body]),
  );
  const entries = manifest.map((entry) => ({ ...entry, body: bodies.get(entryKey(entry)) }));
  return {
    tenant: owner.tenant,
    group: owner.group,
    version: delta.to,
    signature: delta.signature,
    entries,
    secrets: namedSecrets(entries, { ...held?.secrets, ...delta.secrets }),
  };
}

const refusalTexts: Readonly<Record<string, string>> = {
  "wrong-recipient": "it is for another tenant or group",
  "bad-signature": "no key that this node trusts has signed it",
  "bad-hash": "a body is not the one that was signed for",
  "bad-root": "its entries are not those that were signed for",
  "crash-loop": "the agent kept ending on it, and went back to the one before",
};

function refusalError(why: string): ApplyError {
  return { id: null, pointer: "", code: why, detail: refusalTexts[why] ?? why };
}
