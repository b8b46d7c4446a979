import { realpath } from "node:fs/promises";
import { createServer } from "node:net";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";

import { descriptorOf } from "./server-descriptor.ts";

export interface FolderClaim extends Stoppable {
  /** The socket that is the claim, for a successor to take over; undefined where nothing is claimed. */
  descriptor(): number | undefined;
}

/**
 * Makes this process the only agent on a data folder: two would answer for one node and overwrite
 * each other's snapshots. The claim is an abstract Unix socket, which ends with its process
 * however that dies; where the system has none (anything but Linux) nothing is claimed.
 *
 * @param inherited the claim of the process that this one succeeds
 * @throws Fault `runtime/folder-in-use` when another process holds the folder
 */
export async function claimFolder(folder: string, inherited?: number): Promise<FolderClaim> {
  const name = `midstream-agent-${sha256Hex(await realpath(folder)).slice(0, 32)}`;
  if (process.platform !== "linux") {
    return { name, descriptor: () => undefined, stop: () => undefined };
  }
  // Nobody has anything to say here.
  const holder = createServer((socket) => socket.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  holder.once("error", (error) => reject(claimFault(folder, error)));
  if (inherited === undefined) holder.listen(`\0${name}`, resolve);
  else holder.listen({ fd: inherited }, resolve);
  await promise;
  holder.unref();
  return {
    name: "folder-claim",
    descriptor: () => descriptorOf(holder),
    stop: () => closed(holder),
  };
}

function closed(holder: ReturnType<typeof createServer>): Promise<void> {
  return new Promise((resolve) => holder.close(() => resolve()));
}

function claimFault(folder: string, cause: unknown): Fault {
  const message =
    systemErrorCode(cause) === "EADDRINUSE"
      ? `another agent runs on ${folder}: stop it first, or give this one a folder of its own with --data`
      : `${folder} could not be claimed for this agent`;
  return new Fault({ code: "runtime/folder-in-use", owner: "node", message, cause });
}
