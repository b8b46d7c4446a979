import { createHash } from "node:crypto";
import { closeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type ListenOptions, type Server } from "node:net";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";

import { descriptorOf } from "../runtime/server-descriptor.ts";
import { isAbandonedSocket } from "./abandoned-socket.ts";
import type { Address } from "./engine.ts";
import { bindSocket } from "./portable/datagram-listener.ts";
import { withoutIpv6 } from "./wildcard.ts";

/** What can be claimed: where connections are accepted, or datagrams received. */
export type ClaimedAddress =
  | Address
  | { readonly kind: "udp"; readonly host: string; readonly port: number };

/** The right to listen on an address, held until it is released. */
export interface AddressClaim {
  readonly address: ClaimedAddress;
  /** Sockets that another process listened on there and left, for engines to own. Empty the second time. */
  takeSockets(): readonly number[];
  /** The claim itself, for a successor to take over; undefined where the system has none. */
  descriptor(): number | undefined;
  /** Gives the address up; calling it twice is harmless. */
  release(): void;
}

/** An address that another process has claimed and listens on, with the descriptors that it left. */
export interface InheritedAddress {
  readonly address: ClaimedAddress;
  readonly claim: number | undefined;
  readonly sockets: readonly number[];
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
  claim(address: ClaimedAddress): Promise<ClaimOutcome>;
  /** Whether the address was taken over from another process, and nobody has claimed it since. */
  isInherited(address: ClaimedAddress): boolean;
  /** Closes what was taken over and is not wanted any more; returns those addresses. */
  closeUnwanted(): Promise<readonly ClaimedAddress[]>;
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
export function createAddressClaims(
  platform: NodeJS.Platform,
  inherited: readonly InheritedAddress[] = [],
): AddressClaims {
  const left = new Map(inherited.map((one) => [nameOf(one.address), one]));
  const claimAnew = async (address: ClaimedAddress): Promise<ClaimOutcome> => {
    const held = platform === "linux" ? await holdName({ path: nameOf(address) }) : noHold;
    if (!held.ok) return held;
    const tried = await tryAddress(address);
    if (tried.ok) return { ok: true, claim: claimOf(address, held.server, []) };
    held.server?.close();
    return tried;
  };
  return {
    claim: async (address) => {
      const one = left.get(nameOf(address));
      if (one === undefined) return claimAnew(address);
      left.delete(nameOf(address));
      const held = one.claim === undefined ? noHold : await holdName({ fd: one.claim });
      return held.ok ? { ok: true, claim: claimOf(address, held.server, one.sockets) } : held;
    },
    isInherited: (address) => left.has(nameOf(address)),
    closeUnwanted: async () => {
      const unwanted = [...left.values()];
      left.clear();
      await Promise.all(unwanted.map(closeInherited));
      return unwanted.map(({ address }) => address);
    },
  };
}

function claimOf(
  address: ClaimedAddress,
  server: Server | undefined,
  sockets: readonly number[],
): AddressClaim {
  let left = sockets;
  return {
    address,
    takeSockets: () => {
      const taken = left;
      left = [];
      return taken;
    },
    descriptor: () => (server === undefined ? undefined : descriptorOf(server)),
    release: () => server?.close(),
  };
}

async function closeInherited({ address, claim, sockets }: InheritedAddress): Promise<void> {
  for (const socket of sockets) closeSync(socket);
  if (address.kind === "unix") await rm(address.path, { force: true });
  // The claim goes last: until then nobody else may come.
  if (claim !== undefined) closeSync(claim);
}

type Opened =
  | { readonly ok: true; readonly server: Server | undefined }
  | Extract<ClaimOutcome, { ok: false }>;

const noHold: Opened = { ok: true, server: undefined };

/** The leading zero byte makes it abstract: a name of the network namespace, not of the file system. */
function nameOf(address: ClaimedAddress): string {
  const text =
    address.kind === "unix"
      ? `unix:${address.path}`
      : `${address.kind}:[${address.host}]:${address.port}`;
  const isShort = text.length <= claimNameCharsMax - "\0midstream/".length;
  return `\0midstream/${isShort ? text : createHash("sha256").update(text).digest("hex")}`;
}

async function holdName(where: Place): Promise<Opened> {
  const opened = await open(where);
  if (opened.ok) opened.server?.unref();
  return opened;
}

async function tryAddress(address: ClaimedAddress): Promise<Opened> {
  if (address.kind === "udp") return tryUdp(address);
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

async function tryUdp({ host, port }: { host: string; port: number }): Promise<Opened> {
  const bound = await bindSocket({ address: { host, port }, reusePort: false });
  if (!bound.ok) return bound;
  await new Promise<void>((resolve) => bound.socket.close(() => resolve()));
  return noHold;
}

type Place = ListenOptions | { readonly fd: number };

function open(options: Place): Promise<Opened> {
  // Whoever connects to a claim, or meets the trial bind, has nothing to say to it.
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    // For as long as it is held: afterwards an accept may fail, which is nobody's loss.
    server.on("error", (error) =>
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

/** A process that was killed leaves its socket's file behind. */
async function removeStale(path: string): Promise<void> {
  // Where it cannot be removed, the bind that follows says so.
  if (await isAbandonedSocket(path)) await rm(path, { force: true });
}
