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
export interface Intake extends Stoppable {
  /** Finds and verifies what the last run left on disk; called once, first. */
  load(): Promise<FoundSnapshot>;
  /** Applies what `load` found; undefined when there was nothing. */
  resume(): Promise<Applied | undefined>;
  /**
   * Takes a message; called again only after `accepted`, `refused` or `fetch-failed`. Never
   * rejects.
   */
  take(frame: ConfigFrame): Promise<void>;
  /** Hears what becomes of messages, and of the resumed snapshot. Set once. */
  onOutcome(listener: (outcome: ConfigOutcome) => void): void;
}

export function createIntake(deps: IntakeDeps): Intake {
  let held: Snapshot | undefined;
  let proof: Timer | undefined;
  let tell: (outcome: ConfigOutcome) => void = () => undefined;

  /** What ran for a while without the agent dying is worth going back to. */
  const proveLater = (): void => {
    proof?.stop();
    proof = deps.clock.after(snapshotProvenMs, () => {
      deps.store.proven(held?.version).catch((error: unknown) => {
        deps.log.debug({ error: errorText(error) }, "snapshot not marked as proven");
      });
    });
  };

  const applied = async (snapshot: Snapshot): Promise<Applied> => {
    const { version, entries } = snapshot;
    const slow = deps.clock.after(ackMergeMs, () => tell({ kind: "slow", version }));
    const secrets = openSecrets(deps.secrets, snapshot.secrets);
    const result = await deps.apply({ version, entries, secrets });
    slow.stop();
    if (result.kind === "applied") tell({ ...result, kind: "settled", version });
    return result;
  };

  const admitted = async (snapshot: Snapshot, inline: boolean): Promise<void> => {
    const { version } = snapshot;
    const why = reasonAgainst(deps, snapshot);
    if (why !== undefined) {
      deps.log.error({ version, why }, "snapshot refused");
      return tell({
        kind: "refused",
        version,
        error: refusalError(why),
        whole: inline && why === "bad-root",
      });
    }
    const durable = await deps.keeper.keep(snapshot);
    held = snapshot;
    proveLater();
    tell({ kind: "accepted", version, durable });
    await applied(snapshot);
  };

  const pulled = async (frame: RefFrame): Promise<Snapshot | undefined> => {
    try {
      return await deps.fetch(frame);
    } catch (error) {
      deps.log.warn({ version: frame.to, error: errorText(error) }, "snapshot not pulled");
      return undefined;
    }
  };

  return {
    name: "intake",
    load: async () => {
      const found = await deps.store.start();
      held = found.snapshot;
      proveLater();
      return found;
    },
    resume: async () => (held === undefined ? undefined : applied(held)),
    take: async (frame) => {
      if (frame.t === "delta") return admitted(changed(held, frame, deps.owner), true);
      const snapshot = await pulled(frame);
      return snapshot === undefined ? tell({ kind: "fetch-failed" }) : admitted(snapshot, false);
    },
    onOutcome: (listener) => {
      tell = listener;
    },
    stop: () => proof?.stop(),
  };
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
