import type { RemoteInfo, Socket } from "node:dgram";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import { evictSilenceMs } from "#shared/base/limits.ts";

import type { BindOptions, ListenerTerms, SessionEndReason } from "../datagrams.ts";
import type { ListenerId, ListenOutcome, Peer } from "../listening.ts";
import { withoutIpv6 } from "../wildcard.ts";
import type { ClientPlace, DatagramSession } from "./datagram-session.ts";
import { withoutMapping } from "./peer-address.ts";
import type { SingleSockets } from "./single-sockets.ts";
import { udpSocket } from "./udp-socket.ts";

/** A bound socket, and whose datagrams come in there. Owns the socket. */
export class DatagramListener {
  readonly id: ListenerId;
  readonly socket: Socket;
  readonly port: number;
  readonly singles: SingleSockets;
  terms: ListenerTerms;
  isSealed = false;
  /** Its address is somebody else's; replies go out still. */
  isLeft = false;
  /** Sessions by their client, as long as its next datagram is theirs. */
  readonly clients = new Map<string, DatagramSession>();
  /** All that were forwarded, those that take no more requests included. */
  readonly #open = new Set<DatagramSession>();
  /** Of these: clients that nothing speaks for yet, and proven ones; the most silent first. */
  readonly #unproven = new Set<DatagramSession>();
  readonly #proven = new Set<DatagramSession>();
  readonly #local: { readonly localAddress: string; readonly localPort: number };

  constructor(
    id: ListenerId,
    { socket, terms }: { readonly socket: Socket; readonly terms: ListenerTerms },
    singles: SingleSockets,
  ) {
    this.id = id;
    this.socket = socket;
    this.terms = terms;
    this.singles = singles;
    const { address, port } = socket.address();
    this.port = port;
    this.#local = { localAddress: withoutMapping(address), localPort: port };
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  peerOf(client: ClientPlace): Peer {
    return { address: withoutMapping(client.address), port: client.port, ...this.#local };
  }

  forwarded(session: DatagramSession): void {
    this.#open.add(session);
    this.#unproven.add(session);
  }

  spoke(session: DatagramSession): void {
    if (!this.#open.has(session)) return;
    this.#unproven.delete(session);
    this.#proven.delete(session);
    (session.isProven ? this.#proven : this.#unproven).add(session);
  }

  /** The session is nobody's any more, or awaits its answer again. */
  removed(session: DatagramSession): void {
    this.#open.delete(session);
    this.#unproven.delete(session);
    this.#proven.delete(session);
  }

  detached(session: DatagramSession): void {
    const { key } = session.client;
    if (this.clients.get(key) === session) this.clients.delete(key);
  }

  /** The session that can be spared best: whoever is not proven may be an address that was made up. */
  spare(nowMs: number): DatagramSession | undefined {
    const [unproven] = this.#unproven;
    if (unproven !== undefined) return unproven;
    const [silent] = this.#proven;
    return silent !== undefined && nowMs - silent.clientSeenMs >= evictSilenceMs
      ? silent
      : undefined;
  }

  endAll(reason: SessionEndReason): void {
    for (const session of this.#open) session.end(reason);
  }
}

export function clientPlace({ address, port }: RemoteInfo): ClientPlace {
  return { key: `${address} ${port}`, address, port };
}

type WantedSocket = Omit<BindOptions, "terms">;

type BoundSocket =
  | { readonly ok: true; readonly socket: Socket }
  | Extract<ListenOutcome, { ok: false }>;

/** Binds. The wildcard `::` takes IPv4 as well, and only IPv4 where there is no IPv6. */
export async function bindSocket(options: WantedSocket): Promise<BoundSocket> {
  const { address } = options;
  const bound = await tryBind(options);
  if (bound.ok) return bound;
  const fallback = withoutIpv6({ kind: "tcp", ...address }, bound.code);
  if (fallback?.kind !== "tcp") return bound;
  return tryBind({ ...options, address: { host: fallback.host, port: fallback.port } });
}

function tryBind({ address, reusePort, descriptor }: WantedSocket): Promise<BoundSocket> {
  const socket = udpSocket(address.host, { reusePort });
  return new Promise((resolve) => {
    const onError = (error: unknown): void => {
      socket.close();
      const code = systemErrorCode(error) ?? "EUNKNOWN";
      resolve({ ok: false, code, detail: errorText(error) });
    };
    socket.once("error", onError);
    socket.once("listening", () => {
      socket.off("error", onError);
      resolve({ ok: true, socket });
    });
    if (descriptor === undefined) {
      socket.bind({ address: address.host, port: address.port, exclusive: true });
    } else {
      socket.bind({ fd: descriptor, exclusive: true });
    }
  });
}
