import { backendsPerBalancerMax, patternsCostMax } from "../../base/limits.ts";
import { patternCost } from "../../base/pattern.ts";
import type { Problem } from "../../base/problem.ts";
import { backendName } from "../../definition/backend-name.ts";
import type { Backend } from "../../definition/backend.ts";
import type { Protocol } from "../../definition/balancer.ts";
import type { ManagedBackend } from "../../definition/managed-backend.ts";
import { readPattern } from "../../definition/pattern-field.ts";
import { socketPathOf } from "../../definition/socket-path.ts";
import type { Parts } from "../parts.ts";
import { listedBackends, managedBackends, type Pointed } from "../pointed-backends.ts";

/**
 * Listed backends: not too many over all sources and beside them, patterns where `sni` says so, a
 * port for all but Unix sockets, which udp does not have, and nothing that refines a section that is
 * not there. One that is managed is there once.
 */
export function backendRules(parts: Parts): readonly Problem[] {
  const { discovery, managedBackends: written, protocol, sni } = parts.right;
  const managed = managedBackends(written);
  if (discovery === undefined) return twice(managed);
  const listed = listedBackends(discovery);
  const all = [...listed, ...managed];
  return [
    ...tooMany(all.length),
    ...twice(managed),
    ...listed.flatMap((backend) => wrongTarget(backend, protocol)),
    ...(sni?.hostnameMatchingStrategy === "regexp" ? wrongPatterns(all) : []),
    ...all.flatMap((backend) => lackingSections(backend, parts)),
  ];
}

function wrongTarget(
  { host, port, pointer }: Pointed<Backend>,
  protocol: Protocol | undefined,
): readonly Problem[] {
  if (socketPathOf(host) === undefined) {
    const detail = "a port is from 1 to 65535; only a Unix socket has 0";
    return port > 0 ? [] : [{ pointer: `${pointer}/port`, code: "out-of-range", detail }];
  }
  if (protocol === "udp") {
    return [
      { pointer: `${pointer}/host`, code: "conflict", detail: "a Unix socket is no udp backend" },
    ];
  }
  const detail = "a Unix socket has no port: write 0";
  return port === 0 ? [] : [{ pointer: `${pointer}/port`, code: "conflict", detail }];
}

/** A field that refines a section of the balancer means nothing without it. */
function lackingSections(
  { pointer, ...backend }: Pointed<Backend | ManagedBackend>,
  parts: Parts,
): readonly Problem[] {
  const needs = { alpn: "sni", proxyProtocol: "proxyProtocol" } as const;
  return (["alpn", "proxyProtocol"] as const)
    .filter((field) => backend[field] !== undefined && !parts.has(needs[field]))
    .map((field) => ({
      pointer: `${pointer}/${field}`,
      code: "conflict",
      detail: `means nothing without the balancer's ${needs[field]}`,
    }));
}

function twice(managed: readonly Pointed<ManagedBackend>[]): readonly Problem[] {
  const seen = new Set<string>();
  return managed.flatMap(({ host, port, pointer }) => {
    const name = backendName(host, port);
    const isKnown = seen.has(name);
    seen.add(name);
    return isKnown ? [{ pointer, code: "conflict", detail: `${name} is there already` }] : [];
  });
}

/** Each different pattern is compiled once, and none when all of them together cost too much. */
function wrongPatterns(
  backends: readonly Pointed<Pick<ManagedBackend, "sni">>[],
): readonly Problem[] {
  const patterns = [...new Set(backends.map(({ sni = "" }) => sni))];
  const cost = patterns.reduce((sum, pattern) => sum + patternCost(pattern), 0);
  if (cost > patternsCostMax) return [tooCostly];
  const readings = new Map(patterns.map((pattern) => [pattern, readPattern(pattern)]));
  return backends.flatMap(({ sni = "", pointer }) => {
    const reading = readings.get(sni);
    if (reading?.ok !== false) return [];
    return [{ pointer: `${pointer}/sni`, code: reading.code, detail: reading.detail }];
  });
}

const tooCostly: Problem = {
  pointer: "/discovery",
  code: "out-of-range",
  detail: "the patterns of the backends are too large together: use fewer counted repetitions",
};

function tooMany(count: number): readonly Problem[] {
  if (count <= backendsPerBalancerMax) return [];
  const detail = `lists ${count} backends; a balancer has at most ${backendsPerBalancerMax}`;
  return [{ pointer: "/discovery", code: "out-of-range", detail }];
}
