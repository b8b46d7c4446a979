import { Resolver } from "node:dns";
import { closeSync, openSync } from "node:fs";
import { isIP, type LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import {
  dnsAnswerMsMax,
  dnsTries,
  lookupBurst,
  lookupBurstMs,
  lookupMsMax,
  lookupsAtOnceMax,
  nameKeptMsMax,
  namesKeptMax,
  systemFileCheckMs,
} from "#shared/base/limits.ts";

import { askForAddresses, type DnsAddress, type DnsAnswer } from "./dns-question.ts";
import { FollowedFile } from "./followed-file.ts";
import { parseHosts } from "./hosts-file.ts";
import { PacedStarts } from "./paced-starts.ts";
import { namesToAsk, parseSearchDomains } from "./search-domains.ts";

export interface NameLookupDeps {
  readonly clock: Clock;
  /** `address:port` of the name servers; the system's unless given. */
  readonly nameServers?: readonly string[];
  readonly hostsFile?: string;
  readonly resolverFile?: string;
}

/** What became of a name. `code` is one of node:dns, or `lookupsExhausted`. */
type Looked =
  | { readonly ok: true; readonly addresses: readonly NamedAddress[] }
  | { readonly ok: false; readonly code: string };

type NamedAddress = Pick<DnsAddress, "address" | "family">;

interface Kept {
  readonly addresses: readonly NamedAddress[];
  readonly untilMs: number;
}

/** The code of a lookup that was not made, for lack of room or of descriptors: it says nothing. */
export const lookupsExhausted = "ELOOKUPSEXHAUSTED";

/**
 * Turns names into addresses without a thread: the hosts file, then DNS. The system's own function
 * (getaddrinfo) occupies one of the process's few threads until it ends, so that a handful of names
 * whose servers hang stop every other lookup, and the disk with them.
 *
 * Names are read as Go's own resolver does, gobetween's: hosts file first, then the name servers and
 * search domains of resolv.conf; other sources of nsswitch.conf are not asked. A question that
 * several ask at the same time goes out once, ends within `lookupMsMax`, and its answer is kept as
 * long as its name server says, up to `nameKeptMsMax`.
 */
export class NameLookup {
  readonly #deps: NameLookupDeps;
  readonly #hosts;
  readonly #search;
  readonly #paced: PacedStarts;
  readonly #asking = new Map<string, Promise<Looked>>();
  readonly #kept = new Map<string, Kept>();
  #resolver: Resolver | undefined;
  #resolverSinceMs = 0;

  constructor(deps: NameLookupDeps) {
    const { clock, hostsFile = "/etc/hosts", resolverFile = "/etc/resolv.conf" } = deps;
    this.#deps = deps;
    this.#paced = new PacedStarts(clock, { burst: lookupBurst, everyMs: lookupBurstMs });
    this.#hosts = new FollowedFile({ clock, path: hostsFile, parse: parseHosts });
    this.#search = new FollowedFile({ clock, path: resolverFile, parse: parseSearchDomains });
  }

  /** For `node:net` and all that is built on it. */
  readonly forSockets: LookupFunction = (host, options, onAnswer) => {
    void this.#look(host).then((looked) => {
      if (!looked.ok) return onAnswer(lookupError(host, looked.code), "");
      const wanted = looked.addresses.filter(({ family }) => suits(family, options.family));
      const [first] = wanted;
      if (first === undefined) return onAnswer(lookupError(host, "ENOTFOUND"), "");
      if (options.all === true) return onAnswer(null, [...wanted]);
      return onAnswer(null, first.address, first.family);
    });
  };

  async #look(host: string): Promise<Looked> {
    const literal = isIP(host);
    if (literal !== 0) return found([addressOf(host)]);
    const name = host.toLowerCase();
    const listed = this.#hosts.read().get(name.replace(/\.$/, ""));
    if (listed !== undefined) return found(listed.map(addressOf));
    if (isLocal(name)) return found(["127.0.0.1", "::1"].map(addressOf));
    const kept = this.#kept.get(name);
    const nowMs = this.#deps.clock.monotonicMs();
    if (kept !== undefined && kept.untilMs > nowMs) return found(kept.addresses);
    return this.#asking.get(name) ?? this.#ask(name);
  }

  #ask(name: string): Promise<Looked> {
    if (this.#asking.size >= lookupsAtOnceMax) return Promise.resolve(exhausted);
    const late = Promise.withResolvers<Looked>();
    const timer = this.#deps.clock.after(lookupMsMax, () => late.resolve(timedOut));
    const looked = Promise.race([this.#resolve(name), late.promise]).finally(() => {
      timer.stop();
      this.#asking.delete(name);
    });
    this.#asking.set(name, looked);
    return looked;
  }

  async #resolve(name: string): Promise<Looked> {
    await this.#paced.turn();
    const resolver = this.#currentResolver();
    // A domain whose server fails says nothing about the next one, nor that there is no such name.
    let code = "ENOTFOUND";
    for (const full of namesToAsk(name, this.#search.read())) {
      // oxlint-disable-next-line no-await-in-loop -- the next name counts only if this one has no address
      const answer = await askForAddresses({ clock: this.#deps.clock, resolver }, full);
      if (answer.kind === "found") return this.#keep(name, answer);
      if (answer.kind === "failed") code = answer.code;
    }
    return failed(code);
  }

  #keep(name: string, { addresses }: Extract<DnsAnswer, { kind: "found" }>): Looked {
    const ttlMs = Math.min(...addresses.map(({ ttlS }) => ttlS)) * 1_000;
    const untilMs = this.#deps.clock.monotonicMs() + Math.min(nameKeptMsMax, ttlMs);
    // Deleted first, so that the map's order is that of the answers and the oldest goes.
    this.#kept.delete(name);
    this.#kept.set(name, { addresses, untilMs });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > namesKeptMax && oldest !== undefined) this.#kept.delete(oldest);
    return found(addresses);
  }

  /** A new one now and then: it knows the name servers that the system has by then. */
  #currentResolver(): Resolver {
    const { clock, nameServers } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (this.#resolver !== undefined && nowMs - this.#resolverSinceMs < systemFileCheckMs) {
      return this.#resolver;
    }
    this.#resolver = new Resolver({ timeout: dnsAnswerMsMax, tries: dnsTries });
    if (nameServers !== undefined) this.#resolver.setServers(nameServers);
    this.#resolverSinceMs = nowMs;
    return this.#resolver;
  }
}

function found(addresses: readonly NamedAddress[]): Looked {
  return { ok: true, addresses };
}

/** What looks like a refused question is also how a lack of descriptors shows. */
function failed(code: string): Looked {
  return code === "ECONNREFUSED" && lacksDescriptors() ? exhausted : { ok: false, code };
}

const exhausted: Looked = { ok: false, code: lookupsExhausted };
const timedOut: Looked = { ok: false, code: "ETIMEOUT" };

function lacksDescriptors(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return false;
  } catch (error) {
    const code = systemErrorCode(error);
    return code === "EMFILE" || code === "ENFILE";
  }
}

function addressOf(address: string): NamedAddress {
  return { address, family: isIP(address) === 6 ? 6 : 4 };
}

/** RFC 6761, section 6.3: never asked of a name server. */
function isLocal(name: string): boolean {
  return /^(.+\.)?localhost\.?$/.test(name);
}

function suits(family: 4 | 6, wanted: number | "IPv4" | "IPv6" | undefined): boolean {
  return wanted === undefined || wanted === 0 || String(wanted).endsWith(String(family));
}

function lookupError(host: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${host}`), { code, hostname: host, syscall: "lookup" });
}
