import { join } from "node:path";

import type { Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";

import type { LeaveConfig } from "../config.ts";
import { readControlUrl } from "../control-link/control-url.ts";
import { openGenerations } from "../control-link/generation.ts";
import { dropIdentity, readIdentity, type Identity } from "../control-link/identity.ts";
import { leaveControl } from "../control-link/leave.ts";
import { createNodeSigner } from "../control-link/node-signer.ts";
import { rememberedFolder } from "../discover/remembered-folder.ts";
import type { Disk } from "../runtime/disk.ts";
import { claimFolder, type FolderClaim } from "../runtime/folder-claim.ts";

/** How it went, in words for whoever typed it. */
export interface LeaveOutcome {
  readonly ok: boolean;
  readonly text: string;
}

export interface LeaveParts {
  readonly clock: Clock;
  readonly disk: Disk;
}

/**
 * Retires this node at the control plane and then forgets it here; the folder can join anew. Nothing
 * is forgotten before the control plane has confirmed, unless `force` says so.
 *
 * @throws Fault `control-link/bad-identity` when the identity is damaged, or the system's error when
 * the folder cannot be written
 */
export async function leave(parts: LeaveParts, config: LeaveConfig): Promise<LeaveOutcome> {
  const { dataFolder } = config;
  const identity = await readIdentity(parts.disk, dataFolder);
  if (identity === undefined) return failed(`no node has joined in ${dataFolder}`);
  const claim = await claimed(dataFolder);
  if (claim === undefined) return failed(stillRuns(dataFolder));
  try {
    return await claimedLeave(parts, config, identity);
  } finally {
    await claim.stop();
  }
}

/** Nobody starts an agent here meanwhile. */
async function claimedLeave(
  parts: LeaveParts,
  config: LeaveConfig,
  identity: Identity,
): Promise<LeaveOutcome> {
  const { node, control } = identity;
  const obstacle = await retired(parts, config, identity);
  if (obstacle !== undefined && !config.force) return failed(obstacle);
  await forget(parts.disk, config.dataFolder);
  if (obstacle === undefined) {
    return { ok: true, text: `left: node ${node} is retired, and this host is no node any more` };
  }
  const text =
    `this host is no node any more, but the control plane was not told (${obstacle}). ` +
    `At ${control} node ${node} is still expected until someone removes it: DELETE /v1/nodes/${node}`;
  return { ok: true, text };
}

/** Undefined once the control plane has confirmed, otherwise why it did not. */
async function retired(
  { clock, disk }: LeaveParts,
  config: LeaveConfig,
  identity: Identity,
): Promise<string | undefined> {
  const control = config.control?.href ?? identity.control;
  const url = readControlUrl(control, config.insecure);
  if (!url.ok) return `${control} is not an address to use here (${url.problem}); see --insecure`;
  const generations = await openGenerations(disk, config.dataFolder, clock);
  try {
    const left = await leaveControl({
      control,
      ca: config.ca ?? identity.ca ?? undefined,
      signer: createNodeSigner(clock, identity),
      generation: generations.current(),
    });
    if (left.kind === "left") return undefined;
    return `the control plane refused (status ${left.status}: ${left.detail})`;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error.message;
  }
}

/** The identity goes first: without it the rest means nothing. The local policy is its owner's. */
async function forget(disk: Disk, folder: string): Promise<void> {
  await dropIdentity(disk, folder);
  await disk.remove(join(folder, "link.json"));
  await disk.removeFolder(join(folder, "snapshots"));
  await disk.removeFolder(rememberedFolder(folder));
}

/** Undefined when an agent runs there. */
async function claimed(folder: string): Promise<FolderClaim | undefined> {
  try {
    return await claimFolder(folder);
  } catch (error) {
    if (error instanceof Fault && error.code === "runtime/folder-in-use") return undefined;
    throw error;
  }
}

function stillRuns(folder: string): string {
  return (
    `an agent runs on ${folder}: stop it first, so that its connections can finish ` +
    "(systemctl disable --now midstream-agent, or SIGTERM), then leave"
  );
}

function failed(text: string): LeaveOutcome {
  return { ok: false, text };
}
