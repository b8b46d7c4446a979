import { halfClosedSilenceMsMax } from "#shared/base/limits.ts";

import type { Address, ConnectTerms } from "../engine.ts";
import type { ConnectTls } from "../tls-terms.ts";
import type { NativeHandle } from "./native-addon.ts";

/** Entries that the addon is given before its tables start anew; `src/limits.h` allows a few more. */
const targetsMax = 60_000;
const termsMax = 4_000;

export interface NativeTablesDeps {
  readonly handle: Pick<
    NativeHandle,
    "addTarget" | "addUnixTarget" | "addTerms" | "addDialTls" | "clearTables"
  >;
  /** Carries out commands that wait: they name entries by index. */
  readonly flush: () => void;
}

/** What the addon takes for a dial in clear. */
const inClear = -1;

/** Where to connect and on which terms, which commands refer to by index. */
export class NativeTables {
  readonly #deps: NativeTablesDeps;
  /** By host, or `unix:` and path, and then by port: no text has to be put together for a connection. */
  readonly #targets = new Map<string, Map<number, number>>();
  #targetCount = 0;
  readonly #terms = new Map<string, number>();
  readonly #dialTls = new Map<string, number>();
  /** The same by identity: a balancer's terms are one object for all of its connections. */
  #termsSeen = new WeakMap<ConnectTerms, number>();

  constructor(deps: NativeTablesDeps) {
    this.#deps = deps;
  }

  /** Both indices of a `connect`, or undefined when the target is no address, or a name of TLS none. */
  indicesOf(target: Address, terms: ConnectTerms): { target: number; terms: number } | undefined {
    if (this.#targetCount >= targetsMax || this.#terms.size >= termsMax) this.#clear();
    const targetIndex = this.#targetIndex(target);
    const termsIndex = targetIndex < 0 ? -1 : this.#termsIndex(terms);
    return termsIndex < 0 ? undefined : { target: targetIndex, terms: termsIndex };
  }

  /** Whether the target was dialled before, and so is an address. */
  knows(target: Address): boolean {
    return target.kind === "tcp" && this.#targets.get(target.host)?.has(target.port) === true;
  }

  #clear(): void {
    this.#deps.flush();
    this.#targets.clear();
    this.#targetCount = 0;
    this.#terms.clear();
    this.#dialTls.clear();
    this.#termsSeen = new WeakMap();
    this.#deps.handle.clearTables();
  }

  #targetIndex(target: Address): number {
    const host = target.kind === "unix" ? `unix:${target.path}` : target.host;
    const port = target.kind === "unix" ? 0 : target.port;
    const known = this.#targets.get(host)?.get(port);
    if (known !== undefined) return known;
    const { handle } = this.#deps;
    const index =
      target.kind === "unix" ? handle.addUnixTarget(target.path) : handle.addTarget(host, port);
    if (index >= 0) this.#remember(host, port, index);
    return index;
  }

  #remember(host: string, port: number, index: number): void {
    const ports = this.#targets.get(host) ?? new Map<number, number>();
    this.#targets.set(host, ports.set(port, index));
    this.#targetCount += 1;
  }

  #termsIndex(terms: ConnectTerms): number {
    const seen = this.#termsSeen.get(terms);
    if (seen !== undefined) return seen;
    const index = this.#termsIndexByValue(terms);
    this.#termsSeen.set(terms, index);
    return index;
  }

  #termsIndexByValue(terms: ConnectTerms): number {
    const { connectTimeoutMs, clientIdleMs, backendIdleMs, idleMode, tls } = terms;
    const dialTls = tls === undefined ? inClear : this.#dialTlsIndex(tls);
    if (tls !== undefined && dialTls < 0) return -1;
    const key = `${connectTimeoutMs} ${clientIdleMs} ${backendIdleMs} ${idleMode} ${dialTls}`;
    const known = this.#terms.get(key);
    if (known !== undefined) return known;
    const index = this.#deps.handle.addTerms(
      connectTimeoutMs,
      clientIdleMs,
      backendIdleMs,
      halfClosedSilenceMsMax,
      idleMode === "twoWay",
      dialTls,
    );
    this.#terms.set(key, index);
    return index;
  }

  #dialTlsIndex({ terms, serverName, verifyName, alpn, prefix }: ConnectTls): number {
    const key = JSON.stringify([terms, serverName, verifyName, alpn, prefix]);
    const known = this.#dialTls.get(key);
    if (known !== undefined) return known;
    const index = this.#deps.handle.addDialTls(
      terms,
      serverName,
      verifyName,
      alpn,
      prefix === "inside",
    );
    if (index >= 0) this.#dialTls.set(key, index);
    return index;
  }
}
