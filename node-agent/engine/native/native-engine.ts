import { isIP, isIPv4 } from "node:net";
import { getSystemErrorName } from "node:util";

import type { Timer } from "#shared/base/clock.ts";
import { peekBytesMax } from "#shared/base/limits.ts";

import { NameLookup } from "../../runtime/name-lookup.ts";
import { isDatagramEvent } from "../datagrams.ts";
import {
  closeReasons,
  type Address,
  type CloseHow,
  type CloseReason,
  type ConnectionId,
  type ConnectTerms,
  type Engine,
  type EngineDeps,
  type EngineEvent,
  type ListenerId,
  type ListenOptions,
  type ListenOutcome,
  type MovedBytes,
  type PeekTerms,
  type Peer,
} from "../engine.ts";
import type {
  BackendTlsTerms,
  ClientTlsTerms,
  SecureTerms,
  TlsOutcome,
  TlsTermsId,
} from "../tls-terms.ts";
import { withoutIpv6 } from "../wildcard.ts";
import { commandKinds, CommandRows } from "./command-rows.ts";
import { EventRows, type EventAsker } from "./event-rows.ts";
import { NameDials } from "./name-dials.ts";
import type { NativeAddon, NativeHandle } from "./native-addon.ts";
import { NativeDatagrams } from "./native-datagrams.ts";
import { Ipv4Peer, peerOf, type LocalAddress } from "./native-peer.ts";
import { NativeTables } from "./native-tables.ts";
import { clientTlsFacts, stoppedTls, tlsOutcome } from "./native-tls.ts";

const movedRows = 4_096;
const movedFields = 3;
/** How often the addon is told the time while it has connections. */
const tickMs = 50;

/** The engine in C++: the same contract as the portable one, inside the worker's own loop. */
export class NativeEngine implements Engine {
  readonly driver = "native";
  readonly datagrams: NativeDatagrams;
  readonly #deps: EngineDeps;
  readonly #events: EventRows;
  readonly #commands = new CommandRows((count) => this.#handle.run(count));
  readonly #moved = new Float64Array(movedRows * movedFields);
  readonly #firstBytes = new Uint8Array(peekBytesMax);
  readonly #names: NameDials;
  readonly #tables: NativeTables;
  /** Listeners on one IPv4 address: what their connections were made to is known without asking. */
  readonly #locals = new Map<ListenerId, LocalAddress>();
  readonly #handle: NativeHandle;
  #ticking: Timer | undefined;
  #open = 0;
  #stopped: Promise<void> | undefined;

  constructor(addon: NativeAddon, deps: EngineDeps) {
    this.#deps = deps;
    this.#events = new EventRows(this.#asker());
    const onBatch = (count: number): number => this.#onBatch(count);
    this.#handle = new addon.NativeEngine(this.#events.memory, this.#commands.memory, onBatch);
    this.#tables = new NativeTables({ handle: this.#handle, flush: () => this.#commands.flush() });
    const lookup = new NameLookup({ clock: deps.clock }).forSockets;
    this.#names = new NameDials({
      clock: deps.clock,
      lookup,
      onFailed: (connection, code) => this.#fail(connection, code),
    });
    this.datagrams = new NativeDatagrams({
      clock: deps.clock,
      lookup,
      handle: this.#handle,
      command: (row) => this.#commands.add(row),
      flush: () => this.#commands.flush(),
      tell: (event) => deps.onEvents([event]),
    });
  }

  listen(listener: ListenerId, options: ListenOptions): Promise<ListenOutcome> {
    const { address } = options;
    if (this.#stopped !== undefined) {
      return Promise.resolve({ ok: false, code: "ECANCELED", detail: "the engine has stopped" });
    }
    const answer = this.#listen(listener, options);
    if (answer < 0) {
      const code = getSystemErrorName(answer);
      const fallback = withoutIpv6(address, code);
      if (fallback !== undefined) return this.listen(listener, { ...options, address: fallback });
      return Promise.resolve({ ok: false, code, detail: `listen ${code}` });
    }
    if (address.kind === "tcp" && isIPv4(address.host) && address.host !== "0.0.0.0") {
      this.#locals.set(listener, { address: address.host, port: answer });
    }
    return Promise.resolve({ ok: true, port: answer });
  }

  unlisten(listener: ListenerId, how = { keepsAddress: false }): Promise<void> {
    this.#locals.delete(listener);
    if (this.#stopped === undefined) this.#handle.unlisten(listener, how.keepsAddress);
    return Promise.resolve();
  }

  descriptorOf(listener: ListenerId): number | undefined {
    const descriptor = this.#stopped === undefined ? this.#handle.descriptorOf(listener) : -1;
    return descriptor < 0 ? undefined : descriptor;
  }

  peek(connection: ConnectionId, { moreThan, timeoutMs }: PeekTerms): void {
    this.#command(commandKinds.peek, connection, moreThan, timeoutMs);
  }

  discard(connection: ConnectionId, bytes: number): void {
    this.#command(commandKinds.discard, connection, bytes, 0);
  }

  setClientTls(id: TlsTermsId, terms: ClientTlsTerms): TlsOutcome {
    if (this.#stopped !== undefined) return stoppedTls;
    return tlsOutcome(this.#handle.setClientTls(id, terms));
  }

  setBackendTls(id: TlsTermsId, terms: BackendTlsTerms): TlsOutcome {
    if (this.#stopped !== undefined) return stoppedTls;
    return tlsOutcome(this.#handle.setBackendTls(id, terms));
  }

  forgetTls(id: TlsTermsId): void {
    if (this.#stopped === undefined) this.#handle.forgetTls(id);
  }

  secure(connection: ConnectionId, terms: TlsTermsId, { timeoutMs }: SecureTerms): void {
    this.#command(commandKinds.secure, connection, terms, timeoutMs);
  }

  connect(connection: ConnectionId, target: Address, terms: ConnectTerms): void {
    if (target.kind === "unix" || this.#tables.knows(target) || isIP(target.host) !== 0) {
      this.#dial(connection, target, terms);
      return;
    }
    const { connectTimeoutMs } = terms;
    const dial = (host: string, leftMs: number): void =>
      this.#dial(connection, { ...target, host }, { ...terms, connectTimeoutMs: leftMs });
    this.#names.start({ connection, name: target.host, connectTimeoutMs, dial });
  }

  close(connection: ConnectionId, how: CloseHow, reason: CloseReason): void {
    this.#names.forget(connection);
    const abort = how === "abort" ? 1 : 0;
    this.#command(commandKinds.close, connection, abort, closeReasons.indexOf(reason));
  }

  /** Tells the addon the time; it does so by itself every `tickMs` while connections are open. */
  tick(): void {
    if (this.#stopped === undefined) this.#handle.tick(this.#deps.clock.monotonicMs());
  }

  takeMoved(): readonly MovedBytes[] {
    const moved: MovedBytes[] = [];
    if (this.#stopped !== undefined) return moved;
    for (let count = movedRows; count === movedRows;) {
      count = this.#handle.takeMoved(this.#moved);
      for (let at = 0; at < count * movedFields; at += movedFields) {
        moved.push({
          connection: this.#moved[at] ?? 0,
          rxBytes: this.#moved[at + 1] ?? 0,
          txBytes: this.#moved[at + 2] ?? 0,
        });
      }
    }
    return moved;
  }

  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      this.#names.stop();
      // Not from within a batch: the addon delivers the ends before `stop` returns.
      setImmediate(() => {
        this.datagrams.stop();
        this.#ticking?.stop();
        this.#handle.stop();
        resolve();
      });
    });
    return this.#stopped;
  }

  #listen(listener: ListenerId, options: ListenOptions): number {
    const { address, reusePort, backlog, descriptor } = options;
    if (descriptor !== undefined) {
      const path = address.kind === "unix" ? address.path : "";
      return this.#handle.listenAdopted(listener, descriptor, path);
    }
    return address.kind === "unix"
      ? this.#handle.listenUnix(listener, address.path, backlog)
      : this.#handle.listenTcp(listener, address.host, address.port, reusePort, backlog);
  }

  #asker(): EventAsker {
    return {
      peerOf: ({ connection, listener, address, port }): Peer => {
        const local = this.#locals.get(listener);
        return address < 0 || local === undefined
          ? peerOf(this.#handle.peer(connection))
          : new Ipv4Peer(address, port, local);
      },
      firstBytesOf: (connection) =>
        this.#firstBytes.slice(0, this.#handle.firstBytes(connection, this.#firstBytes)),
      tlsFactsOf: (connection) => clientTlsFacts(this.#handle.tlsFacts(connection)),
      datagramEventAt: (memory, at) => this.datagrams.eventAt(memory, at),
    };
  }

  #onBatch(count: number): number {
    const events = this.#events.read(count);
    for (const event of events) this.#note(event);
    return this.#commands.during(() => this.#deps.onEvents(events));
  }

  /** While there are connections the addon is told the time; without any it costs no wake-up. */
  #note(event: EngineEvent): void {
    if (event.kind === "accepted") {
      this.#open += 1;
      if (this.#ticking !== undefined) return;
      this.tick();
      this.#ticking = this.#deps.clock.every(tickMs, () => this.tick());
    } else if (event.kind === "closed") {
      this.#names.forget(event.connection);
      this.#open -= 1;
      if (this.#open > 0) return;
      this.#ticking?.stop();
      this.#ticking = undefined;
    } else if (isDatagramEvent(event)) {
      this.datagrams.note(event);
    }
  }

  #dial(connection: ConnectionId, target: Address, terms: ConnectTerms): void {
    const indices = this.#tables.indicesOf(target, terms);
    if (indices === undefined) {
      this.#fail(connection, "EINVAL");
      return;
    }
    if (terms.prefix !== undefined && !this.#handle.setPrefix(connection, terms.prefix)) {
      this.#fail(connection, "EMSGSIZE");
      return;
    }
    this.#command(commandKinds.connect, connection, indices.target, indices.terms);
  }

  /** Not within the call: the flow hears of it as of any other event. */
  #fail(connection: ConnectionId, code: string): void {
    setImmediate(() => this.#deps.onEvents([{ kind: "failed", connection, code, mayRetry: true }]));
  }

  #command(
    kind: (typeof commandKinds)[keyof typeof commandKinds],
    connection: ConnectionId,
    first: number,
    second: number,
  ): void {
    if (this.#stopped !== undefined) return;
    this.#commands.add({ kind, connection, first, second });
  }
}
