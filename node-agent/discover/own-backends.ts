import { backendName } from "#shared/definition/backend-name.ts";
import type { Backend } from "#shared/definition/backend.ts";
import { bindReached, type WrittenBind } from "#shared/definition/bind-reached.ts";
import { parseBind } from "#shared/definition/bind.ts";

import type { HostAddresses } from "../runtime/host-addresses.ts";
import {
  failedFetch,
  unusableAnswer,
  type DiscoverySource,
  type Fetched,
  type Skipped,
} from "./discovery.ts";

/** A list without the backends that are the balancer itself. */
export interface Others {
  readonly others: readonly Backend[];
  /** What was left out; undefined: nothing. */
  readonly own: Skipped | undefined;
  /** Why some of the others may be the balancer itself all the same; undefined: none of them is. */
  readonly doubt: string | undefined;
}

/** Leaves the balancer itself out of a list. */
export type LeaveOutOwn = (backends: readonly Backend[]) => Others;

/**
 * Finds the backends that are where the balancer listens, which are clients of it as soon as they
 * are dialled: a single one would fill the host with connections. Where other balancers of the host
 * listen is nobody's loop. The host's addresses are looked at once for a list, and not at all for
 * one that names no port of a wildcard.
 */
export function ownBackends(
  bindTexts: readonly string[],
  hostAddresses: () => HostAddresses,
): LeaveOutOwn {
  const binds = bindTexts.map((text) => ({ text, bind: parseBind(text) }));
  return (backends) => {
    let host: HostAddresses | undefined;
    const isOfHost = (address: string): boolean => {
      host ??= hostAddresses();
      return host.ok && host.addresses.has(withoutZone(address));
    };
    const judged = backends.map((backend) => ({
      backend,
      by: bindReached(backend, binds, isOfHost),
    }));
    const others = judged.flatMap(({ backend, by }) => (by === undefined ? [backend] : []));
    const doubt = host?.ok === false ? host.detail : undefined;
    return { others, own: skippedOf(judged), doubt };
  };
}

/** The source, whose answers count without the balancer itself. */
export function leavingOutOwn(source: DiscoverySource, leaveOut: LeaveOutOwn): DiscoverySource {
  return {
    ...source,
    fetch: async (signal) => withoutOwn(await source.fetch(signal), leaveOut),
  };
}

function withoutOwn(fetched: Fetched, leaveOut: LeaveOutOwn): Fetched {
  if (!fetched.ok) return fetched;
  const { others, own, doubt } = leaveOut(fetched.backends);
  if (doubt !== undefined) {
    return failedFetch("own-addresses", `the host does not tell its addresses: ${doubt}`);
  }
  if (own === undefined) return fetched;
  const count = (fetched.skipped?.count ?? 0) + own.count;
  if (others.length === 0) return unusableAnswer(count, own.detail);
  return { ...fetched, backends: others, skipped: { count, detail: own.detail } };
}

interface Judged {
  readonly backend: Backend;
  /** The bind that leads to it. */
  readonly by: WrittenBind | undefined;
}

function skippedOf(judged: readonly Judged[]): Skipped | undefined {
  const own = judged.flatMap(({ backend, by }) => (by === undefined ? [] : [{ backend, by }]));
  const [first] = own;
  if (first === undefined) return undefined;
  const name = backendName(first.backend.host, first.backend.port);
  const detail = `${name} is this balancer itself, which listens on ${first.by.text}`;
  return { count: own.length, detail };
}

/** Of an address that holds on one link alone: which one says its zone. */
function withoutZone(address: string): string {
  return address.split("%", 1)[0] ?? address;
}
