import { hostname } from "node:os";

import { Fault } from "#shared/base/fault.ts";
import { newKeyPair } from "#shared/snapshot/keys.ts";
import type { JoinResponse } from "#shared/wire/join.ts";

import { agentVersion } from "../agent-version.ts";
import type { JoinConfig } from "../config.ts";
import {
  dropPendingJoin,
  readIdentity,
  readPendingJoin,
  writeIdentity,
  writePendingJoin,
  type Identity,
  type PendingJoin,
} from "../control-link/identity.ts";
import { redeem, type JoinRefusal, type Redeemed } from "../control-link/redeem.ts";
import type { Disk } from "../runtime/disk.ts";

/** How a join went, in words for whoever typed it. */
export interface JoinOutcome {
  readonly ok: boolean;
  readonly text: string;
}

/**
 * Makes this host a node. The keys are on disk before the token is spent: a join that is cut off
 * in between leaves them there, and the next one says what may have happened.
 *
 * @throws the system's error when the folder cannot be written
 */
export async function join(disk: Disk, config: JoinConfig): Promise<JoinOutcome> {
  const { dataFolder } = config;
  await disk.makeFolder(dataFolder, 0o700);
  const joined = await readIdentity(disk, dataFolder);
  if (joined !== undefined) return failed(alreadyJoined(joined, dataFolder));
  const left = await readPendingJoin(disk, dataFolder);
  const keys = pendingJoin(config, left);
  await writePendingJoin(disk, dataFolder, keys);
  const outcome = await redeemed(config, keys);
  if (outcome.kind === "unanswered") return failed(outcome.text);
  if (outcome.kind === "joined") return finished(disk, config, { keys, node: outcome.response });
  if (left === undefined) await dropPendingJoin(disk, dataFolder);
  return failed(refusalText(outcome, left !== undefined));
}

function pendingJoin(config: JoinConfig, left: PendingJoin | undefined): PendingJoin {
  const { signing, receiving } = left ?? {
    signing: newKeyPair("ed25519"),
    receiving: newKeyPair("x25519"),
  };
  return { schema: 1, control: config.control.href, signing, receiving };
}

type Attempt = Redeemed | { readonly kind: "unanswered"; readonly text: string };

async function redeemed(config: JoinConfig, keys: PendingJoin): Promise<Attempt> {
  const { token, labels, ca } = config;
  const host = { hostname: hostname(), agent: agentVersion, labels };
  try {
    return await redeem({ token, keys, host, ca });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { kind: "unanswered", text: `${error.message}. The join can simply be tried again.` };
  }
}

async function finished(
  disk: Disk,
  config: JoinConfig,
  made: { readonly keys: PendingJoin; readonly node: JoinResponse },
): Promise<JoinOutcome> {
  const { labels, ca = null, dataFolder } = config;
  const identity: Identity = { ...made.keys, ...made.node, labels, ca };
  await writeIdentity(disk, dataFolder, identity);
  const { node, group, tenant } = identity;
  const text = `joined: this host is node ${node} of group ${group}, tenant ${tenant}`;
  return { ok: true, text };
}

function failed(text: string): JoinOutcome {
  return { ok: false, text };
}

function alreadyJoined(identity: Identity, folder: string): string {
  return (
    `${folder} belongs to node ${identity.node} of ${identity.control} already. ` +
    `Start it with run, or join another node in another folder; ` +
    `to replace the node, remove it at the control plane and move ${folder} away`
  );
}

const refusalTexts: Readonly<Record<Exclude<JoinRefusal, "other">, string>> = {
  used: "this join token has been used: make another one",
  expired: "this join token is past its time: make another one",
  revoked: "this join token was revoked: make another one",
  unknown:
    "the control plane does not know this join token: check that it was copied whole, and that it belongs to this control plane",
  full: "the tenant has as many nodes as it may have: remove one that is no longer needed",
  "too-many": "too many joins from this address: try again in a minute",
};

function refusalText(
  { why, detail }: Extract<Redeemed, { kind: "refused" }>,
  wasCutOff: boolean,
): string {
  if (why === "other") return `the control plane refused to join this host (${detail})`;
  if (why !== "used" || !wasCutOff) return refusalTexts[why];
  return (
    `${refusalTexts.used}. An earlier join in this folder was cut off, and may be what used it: ` +
    "look for a node of this host that never connected, and remove it"
  );
}
