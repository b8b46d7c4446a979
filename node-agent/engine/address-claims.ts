import { createHash } from "node:crypto";
import { lstat, rm } from "node:fs/promises";
import { connect, createServer, type ListenOptions, type Server } from "node:net";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";

import type { Address } from "./engine.ts";
import { withoutIpv6 } from "./wildcard.ts";

/** The right to listen on an address, held until it is released. */
export interface AddressClaim {
  readonly address: Address;
  /** Gives the address up; calling it twice is harmless. */
  release(): void;
}

export type ClaimOutcome =
  | { readonly ok: true; readonly claim: AddressClaim }
  /** `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` … */
  | { readonly ok: false; readonly code: string; readonly detail: string };

export interface AddressClaims {
  /**
   * Claims an address for the engines of this process. Fails when somebody else listens there, or
   * has claimed it; the address is not being listened on when this returns. The port is not 0.
   */
  claim(address: Address): Promise<ClaimOutcome>;
}

/** A claim's name is a path of a Unix socket: at most 107 bytes. */
const claimNameCharsMax = 100;

/**
 * Claims of addresses, held as abstract Unix sockets, which vanish with their process.
 *
 * Several workers listen on one address by SO_REUSEPORT, and with that a second agent of the same
 * user could join them unnoticed: the claim keeps it out. Programs that know nothing of claims, and
 * overlaps (a wildcard and one of its addresses), are found by binding once without SO_REUSEPORT.
 * Only Linux has abstract sockets; elsewhere the trial bind stands alone. A successor process that
 * is to take over the listening sockets takes over the claims with them.
 */
export function createAddressClaims(platform: NodeJS.Platform): AddressClaims {
  return {
    claim: async (address) => {
      const held = platform === "linux" ? await holdName(nameOf(address)) : noHold;
      if (!held.ok) return held;
      const tried = await tryAddress(address);
      if (tried.ok) return { ok: true, claim: { address, release: () => held.server?.close() } };
      held.server?.close();
      return tried;
    },
  };
}

type Opened =
  | { readonly ok: true; readonly server: Server | undefined }
  | Extract<ClaimOutcome, { ok: false }>;

const noHold: Opened = { ok: true, server: undefined };

/** The leading zero byte makes it abstract: a name of the network namespace, not of the file system. */
function nameOf(address: Address): string {
  const text =
    address.kind === "unix" ? `unix:${address.path}` : `tcp:[${address.host}]:${address.port}`;
  const isShort = text.length <= claimNameCharsMax - "\0midstream/".length;
  return `\0midstream/${isShort ? text : createHash("sha256").update(text).digest("hex")}`;
}

async function holdName(path: string): Promise<Opened> {
  const opened = await open({ path });
  if (opened.ok) opened.server?.unref();
  return opened;
}

async function tryAddress(address: Address): Promise<Opened> {
  if (address.kind === "unix") await removeStale(address.path);
  const opened = await open(
    address.kind === "unix"
      ? { path: address.path }
      : { host: address.host, port: address.port, exclusive: true },
  );
  if (opened.ok) {
    await closed(opened.server);
    return opened;
  }
  const fallback = withoutIpv6(address, opened.code);
  return fallback === undefined ? opened : tryAddress(fallback);
}

function open(options: ListenOptions): Promise<Opened> {
  // Whoever connects to a claim, or meets the trial bind, has nothing to say to it.
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", (error) =>
      resolve({ ok: false, code: systemErrorCode(error) ?? "EUNKNOWN", detail: errorText(error) }),
    );
    server.listen(options, () => resolve({ ok: true, server }));
  });
}

function closed(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });
}

/**
 * A process that was killed leaves its socket's file behind, and nobody answers there any more. A
 * file that is no socket refuses connections as well, and is left alone.
 */
async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file?.isSocket() !== true || !(await isRefused(path))) return;
  // Where it cannot be removed, the bind that follows says so.
  await rm(path, { force: true });
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", (error) => resolve(systemErrorCode(error) === "ECONNREFUSED"));
  });
}
