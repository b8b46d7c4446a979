import { join } from "node:path";

import { z } from "zod";

import { Fault } from "#shared/base/fault.ts";
import { agentFileBytesMax } from "#shared/base/limits.ts";

import type { Disk } from "../runtime/disk.ts";
import { writeDurably } from "../runtime/write-durably.ts";

const publicKeySchema = z.string().regex(/^[\w-]{43}$/);
const keyPairSchema = z.object({ publicKey: publicKeySchema, privateKey: z.string().max(200) });

/** Who this node is: written once, by `join`, readable by its owner only. */
const identitySchema = z.object({
  schema: z.literal(1),
  /** Base URL of the control plane. */
  control: z.url({ protocol: /^https?$/ }),
  node: z.string().min(1).max(64),
  tenant: z.string().min(1).max(64),
  group: z.string().min(1).max(64),
  /** The database's lineage at the time of joining; an older one is refused. */
  epoch: z.int().min(1),
  /** Whom the node trusts to sign snapshots. */
  signingKeys: z.array(publicKeySchema).min(1).max(8),
  labels: z.record(z.string().max(63), z.string().max(255)),
  /** PEM of the authorities that the control plane's certificate must come from; null: the system's. */
  ca: z.string().nullable(),
  /** Made on this node; the private halves never leave it. */
  signing: keyPairSchema,
  receiving: keyPairSchema,
});
export type Identity = z.output<typeof identitySchema>;

/** The keys of a join that has begun: kept first, so that a crash between does not lose the node. */
const pendingJoinSchema = z.object({
  schema: z.literal(1),
  control: z.string(),
  signing: keyPairSchema,
  receiving: keyPairSchema,
});
export type PendingJoin = z.output<typeof pendingJoinSchema>;

const identityPath = (folder: string): string => join(folder, "identity.json");
const pendingJoinPath = (folder: string): string => join(folder, "join-pending.json");

/**
 * The identity in this folder, or undefined when no node joined there.
 * @throws Fault `control-link/bad-identity` when the file cannot be understood
 */
export async function readIdentity(disk: Disk, folder: string): Promise<Identity | undefined> {
  return readPrivate(disk, identityPath(folder), identitySchema);
}

/** Writes the identity, then forgets the pending join. */
export async function writeIdentity(disk: Disk, folder: string, identity: Identity): Promise<void> {
  await writePrivate(disk, identityPath(folder), identity);
  await disk.remove(pendingJoinPath(folder));
}

/** Forgets the node, its private keys included. */
export async function dropIdentity(disk: Disk, folder: string): Promise<void> {
  await disk.remove(identityPath(folder));
  await disk.remove(pendingJoinPath(folder));
  await disk.sync(folder);
}

/** The keys of a join that was begun here and not finished. */
export async function readPendingJoin(
  disk: Disk,
  folder: string,
): Promise<PendingJoin | undefined> {
  return readPrivate(disk, pendingJoinPath(folder), pendingJoinSchema);
}

export async function writePendingJoin(
  disk: Disk,
  folder: string,
  pending: PendingJoin,
): Promise<void> {
  await writePrivate(disk, pendingJoinPath(folder), pending);
}

/** Forgets a join that made no node. */
export async function dropPendingJoin(disk: Disk, folder: string): Promise<void> {
  await disk.remove(pendingJoinPath(folder));
}

async function readPrivate<T>(
  disk: Disk,
  path: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const text = await disk.read(path, agentFileBytesMax);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw badFile(path, cause);
  }
}

function writePrivate(disk: Disk, path: string, value: unknown): Promise<void> {
  return writeDurably(disk, { path, text: `${JSON.stringify(value, null, 2)}\n`, mode: 0o600 });
}

function badFile(path: string, cause: unknown): Fault {
  const message = `${path} is damaged: restore it from a backup, or move the folder away and join again`;
  return new Fault({ code: "control-link/bad-identity", owner: "node", message, cause });
}
