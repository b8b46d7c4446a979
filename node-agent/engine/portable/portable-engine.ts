import type { Socket } from "node:net";

import { NameLookup } from "../../runtime/name-lookup.ts";
import { descriptorOf } from "../../runtime/server-descriptor.ts";
import type {
  Address,
  CloseHow,
  CloseReason,
  ConnectionId,
  ConnectTerms,
  CreateEngine,
  Engine,
  EngineDeps,
  ListenerId,
  ListenOptions,
  ListenOutcome,
  MovedBytes,
  PeekTerms,
  Peer,
} from "../engine.ts";
import type {
  BackendTlsTerms,
  ClientTlsTerms,
  SecureTerms,
  TlsOutcome,
  TlsTermsId,
} from "../tls-terms.ts";
import { Deadlines } from "./deadlines.ts";
import { EventBatch } from "./event-batch.ts";
import { withoutMapping } from "./peer-address.ts";
import { PortableDatagrams } from "./portable-datagrams.ts";
import { closeListener, openListener, type OpenListener } from "./portable-listener.ts";
import { RelayedConnection, type ConnectionHost } from "./relayed-connection.ts";
import { TlsTables } from "./tls-tables.ts";

/** The engine on node:net: runs everywhere, and is what the native one is measured against. */
export const createPortableEngine: CreateEngine = (deps) => new PortableEngine(deps);

class PortableEngine implements Engine {
  readonly driver = "portable";
  readonly datagrams: PortableDatagrams;
  readonly #batch: EventBatch;
  readonly #host: ConnectionHost;
  readonly #deadlines: Deadlines;
  readonly #tls = new TlsTables();
  readonly #listeners = new Map<ListenerId, OpenListener>();
  readonly #connections = new Map<ConnectionId, RelayedConnection>();
  readonly #moved = new Set<RelayedConnection>();
  readonly #allClosed = Promise.withResolvers<undefined>();
  #lastId = 0;
  #isStopping = false;

  constructor({ clock, onEvents }: EngineDeps) {
    this.#batch = new EventBatch(onEvents);
    this.#deadlines = new Deadlines(clock);
    const lookup = new NameLookup({ clock }).forSockets;
    this.datagrams = new PortableDatagrams({
      clock,
      lookup,
      deadlines: this.#deadlines,
      tell: (event) => this.#batch.add(event),
    });
    this.#host = {
      lookup,
      tls: this.#tls,
      deadlines: this.#deadlines,
      monotonicMs: () => clock.monotonicMs(),
      tell: (event) => this.#batch.add(event),
      onMoved: (connection) => this.#moved.add(connection),
      onClosed: (connection) => this.#onClosed(connection),
    };
  }

  async listen(listener: ListenerId, options: ListenOptions): Promise<ListenOutcome> {
    if (this.#isStopping) {
      return { ok: false, code: "ECANCELED", detail: "the engine has stopped" };
    }
    const known = this.#listeners.get(listener);
    if (known !== undefined) {
      if (options.descriptor === undefined) return { ok: true, port: known.port };
      return { ok: false, code: "EEXIST", detail: "this listener is open already" };
    }
    const deps = {
      onSocket: (socket: Socket) => this.#onSocket(listener, socket),
      onAcceptFailed: (code: string) => this.#batch.add({ kind: "accept-failed", listener, code }),
    };
    const opened = await openListener(deps, options);
    if (!opened.ok) return opened;
    this.#listeners.set(listener, opened);
    if (this.#isStopping) await this.unlisten(listener);
    return { ok: true, port: opened.port };
  }

  /** Closing a server frees its address at once; its `close` event would wait for its connections. */
  unlisten(listener: ListenerId, how = { keepsAddress: false }): Promise<void> {
    const known = this.#listeners.get(listener);
    this.#listeners.delete(listener);
    if (known === undefined) return Promise.resolve();
    return closeListener(known, how.keepsAddress);
  }

  descriptorOf(listener: ListenerId): number | undefined {
    const known = this.#listeners.get(listener);
    return known === undefined ? undefined : descriptorOf(known.server);
  }

  peek(connection: ConnectionId, terms: PeekTerms): void {
    this.#connections.get(connection)?.peek(terms);
  }

  discard(connection: ConnectionId, bytes: number): void {
    this.#connections.get(connection)?.discard(bytes);
  }

  setClientTls(id: TlsTermsId, terms: ClientTlsTerms): TlsOutcome {
    return this.#tls.setClient(id, terms);
  }

  setBackendTls(id: TlsTermsId, terms: BackendTlsTerms): TlsOutcome {
    return this.#tls.setBackend(id, terms);
  }

  forgetTls(id: TlsTermsId): void {
    this.#tls.forget(id);
  }

  secure(connection: ConnectionId, terms: TlsTermsId, how: SecureTerms): void {
    this.#connections.get(connection)?.secure(terms, how);
  }

  connect(connection: ConnectionId, target: Address, terms: ConnectTerms): void {
    this.#connections.get(connection)?.connect(target, terms);
  }

  close(connection: ConnectionId, how: CloseHow, reason: CloseReason): void {
    this.#connections.get(connection)?.close(how, reason);
  }

  takeMoved(): readonly MovedBytes[] {
    const moved = Array.from(this.#moved, (connection) => connection.moved());
    this.#moved.clear();
    return moved;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const listener of this.#listeners.keys()) void this.unlisten(listener);
    for (const connection of this.#connections.values()) connection.close("abort", "stopped");
    await this.datagrams.stop();
    if (this.#connections.size > 0) await this.#allClosed.promise;
    this.#batch.flush();
    this.#deadlines.stop();
  }

  #onSocket(listener: ListenerId, socket: Socket): void {
    const peer = peerOf(socket);
    if (peer === undefined || this.#isStopping) {
      socket.on("error", ignoreGone);
      socket.destroy();
      return;
    }
    this.#lastId += 1;
    const connection = new RelayedConnection(this.#lastId, socket, this.#host);
    this.#connections.set(connection.id, connection);
    this.#batch.add({ kind: "accepted", connection: connection.id, listener, peer });
  }

  #onClosed(connection: RelayedConnection): void {
    this.#connections.delete(connection.id);
    this.#moved.delete(connection);
    if (this.#isStopping && this.#connections.size === 0) this.#allClosed.resolve(undefined);
  }
}

/** Undefined when the client was gone before it was looked at. */
function peerOf(socket: Socket): Peer | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (localPort === undefined || localAddress === undefined) {
    return { address: "", port: 0, localAddress: "", localPort: 0 };
  }
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return {
    address: withoutMapping(remoteAddress),
    port: remotePort,
    localAddress: withoutMapping(localAddress),
    localPort,
  };
}

function ignoreGone(): void {
  // The client reset before it was accepted: there is nobody to tell.
}
