import type { DatagramTarget, SessionTerms } from "../datagrams.ts";
import type { NativeHandle } from "./native-addon.ts";

/** Entries that the addon is given before its tables start anew; `src/limits.h` allows a few more. */
const targetsMax = 60_000;
const termsMax = 4_000;

export interface SessionTablesDeps {
  readonly handle: Pick<
    NativeHandle,
    "addDatagramTarget" | "addSessionTerms" | "clearDatagramTables"
  >;
  /** Carries out commands that wait: they name entries by index. */
  readonly flush: () => void;
}

/** Where to forward and on which terms, which commands and events refer to by index. */
export class SessionTables {
  readonly #deps: SessionTablesDeps;
  readonly #indices = new Map<string, number>();
  /** By index: as the flow named it. */
  readonly #targets: DatagramTarget[] = [];
  /** By identity: a balancer's terms are one object for all of its sessions. */
  #terms = new WeakMap<SessionTerms, number>();
  #termsCount = 0;

  constructor(deps: SessionTablesDeps) {
    this.#deps = deps;
  }

  /**
   * Both indices of a `forward` to an address, or undefined when the target or the local address is
   * none. `target` is what that address was found for.
   */
  indicesOf(
    address: string,
    target: DatagramTarget,
    terms: SessionTerms,
  ): { readonly target: number; readonly terms: number } | undefined {
    if (this.#targets.length >= targetsMax || this.#termsCount >= termsMax) this.#clear();
    const targetIndex = this.#targetIndex(address, target);
    const termsIndex = this.#termsIndex(terms);
    if (targetIndex < 0 || termsIndex < 0) return undefined;
    return { target: targetIndex, terms: termsIndex };
  }

  targetAt(index: number): DatagramTarget | undefined {
    return this.#targets[index];
  }

  #clear(): void {
    this.#deps.flush();
    this.#indices.clear();
    this.#targets.length = 0;
    this.#terms = new WeakMap();
    this.#termsCount = 0;
    this.#deps.handle.clearDatagramTables();
  }

  #targetIndex(address: string, target: DatagramTarget): number {
    const key = `${address} ${target.port} ${target.host}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.#deps.handle.addDatagramTarget(address, target.port);
    if (index < 0) return index;
    this.#indices.set(key, index);
    this.#targets[index] = { host: target.host, port: target.port };
    return index;
  }

  #termsIndex(terms: SessionTerms): number {
    const known = this.#terms.get(terms);
    if (known !== undefined) return known;
    const index = this.#deps.handle.addSessionTerms(
      terms.clientIdleMs,
      terms.backendIdleMs,
      terms.idleMode === "twoWay",
      terms.maxRequests,
      terms.maxResponses,
      terms.localAddress ?? "",
    );
    if (index < 0) return index;
    this.#terms.set(terms, index);
    this.#termsCount += 1;
    return index;
  }
}
