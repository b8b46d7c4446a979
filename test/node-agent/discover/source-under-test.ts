import { lookup } from "node:dns";

import { systemClock } from "#shared/base/clock.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import type { Source } from "#shared/definition/discovery/discovery.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { boundedFetch } from "../../../node-agent/discover/bounded-fetch.ts";
import { createSource, type Transport } from "../../../node-agent/discover/create-source.ts";
import type { DiscoverySource, Fetched } from "../../../node-agent/discover/discovery.ts";
import { ownBackends } from "../../../node-agent/discover/own-backends.ts";
import { hostAddresses } from "../../../node-agent/runtime/host-addresses.ts";

/** What the sources of tests have in common. */
export const sourceDeps = {
  clock: systemClock(),
  lookup,
  leaveOutOwn: ownBackends([], hostAddresses),
} as const;

/** A balancer that has passed the check. */
export function definedBalancer(more: Readonly<Record<string, unknown>>): Balancer {
  const checked = checkBalancer({ name: "web", bind: [":1"], ...more });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

/** A source as a definition describes it that has passed the check; secrets in plain text. */
export function definedSource(discovery: Readonly<Record<string, unknown>>): Source {
  const { discovery: source } = definedBalancer({ discovery });
  if (source.kind === "multi") throw new Error("several sources, not one");
  return source;
}

export function sourceOf(
  discovery: Readonly<Record<string, unknown>>,
  transport: Transport = "tcp",
): DiscoverySource {
  return createSource({ ...sourceDeps, transport }, definedSource(discovery));
}

/** Asks a source once. */
export function fetchOnce(
  discovery: Readonly<Record<string, unknown>>,
  signal = new AbortController().signal,
): Promise<Fetched> {
  return sourceOf(discovery).fetch(signal);
}

/** Asks a source once, with the time that a loop would give it. */
export function fetchWithin(
  timeoutMs: number,
  discovery: Readonly<Record<string, unknown>>,
): Promise<Fetched> {
  const { fetch } = sourceOf(discovery);
  const ended = new AbortController().signal;
  return boundedFetch(sourceDeps.clock, fetch, { timeoutMs, ended });
}

/** `host:port` of everything that was found, IPv6 in brackets. */
export function targetsOf(fetched: Fetched): readonly string[] {
  if (!fetched.ok) throw new Error(`${fetched.code}: ${fetched.detail}`);
  return fetched.backends.map(({ host, port }) =>
    host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
  );
}
