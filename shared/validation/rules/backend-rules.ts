import { backendsPerBalancerMax, patternsCostMax } from "../../base/limits.ts";
import { patternCost } from "../../base/pattern.ts";
import type { Problem } from "../../base/problem.ts";
import { backendName } from "../../definition/backend-name.ts";
import type { Backend } from "../../definition/backend.ts";
import type { Protocol } from "../../definition/balancer.ts";
import { sourcesOf } from "../../definition/discovery/discovery.ts";
import type { ManagedBackend } from "../../definition/managed-backend.ts";
import { readPattern } from "../../definition/pattern-field.ts";
import { socketPathOf } from "../../definition/socket-path.ts";
import type { Parts } from "../parts.ts";

/**
 * Listed backends: not too many over all sources and beside them, patterns where `sni` says so, a
 * port for all but Unix sockets, which udp does not have, and nothing that refines a section that is
 * not there. One that is managed is there once.
 */
export function backendRules(parts: Parts): readonly Problem[] {
  const { right } = parts;
  const managed = right.managedBackends ?? [];
  const directed = managed.map((backend, index) => ({
    ...backend,
    pointer: `/managedBackends/${index}`,
  }));
  if (right.discovery === undefined) return twice(managed);
  const listed = sourcesOf(right.discovery).flatMap(({ source, pointer }) =>
    source.kind === "static"
      ? source.backends.map((backend, index) => ({
          ...backend,
          pointer: `${pointer}/backends/${index}`,
        }))
      : [],
  );
  const isPattern = right.sni?.hostnameMatchingStrategy === "regexp";
  const named = [
    ...listed.map(({ sni, pointer }) => ({ sni, pointer: `${pointer}/sni` })),
    ...managed.map(({ sni = "" }, index) => ({ sni, pointer: `/managedBackends/${index}/sni` })),
  ];
  return [
    ...tooMany(listed.length + managed.length),
    ...twice(managed),
    ...listed.flatMap((backend) => wrongTarget(backend, right.protocol)),
    ...(isPattern ? wrongPatterns(named) : []),
    ...[...listed, ...directed].flatMap((backend) => lackingSections(backend, parts)),
  ];
}

function wrongTarget(
  { host, port, pointer }: ListedTarget,
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
  { pointer, ...backend }: Refining & Pick<ListedTarget, "pointer">,
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

type Refining =
  | Pick<Backend, "alpn" | "proxyProtocol">
  | Pick<ManagedBackend, "alpn" | "proxyProtocol">;

interface ListedTarget {
  readonly host: string;
  readonly port: number;
  readonly pointer: string;
}

function twice(managed: readonly ManagedBackend[]): readonly Problem[] {
  const seen = new Set<string>();
  return managed.flatMap(({ host, port }, index) => {
    const name = backendName(host, port);
    const isKnown = seen.has(name);
    seen.add(name);
    if (!isKnown) return [];
    return [
      {
        pointer: `/managedBackends/${index}`,
        code: "conflict",
        detail: `${name} is there already`,
      },
    ];
  });
}

/** Each different pattern is compiled once, and none when all of them together cost too much. */
function wrongPatterns(
  listed: readonly { readonly sni: string; readonly pointer: string }[],
): readonly Problem[] {
  const patterns = [...new Set(listed.map(({ sni }) => sni))];
  const cost = patterns.reduce((sum, pattern) => sum + patternCost(pattern), 0);
  if (cost > patternsCostMax) return [tooCostly];
  const readings = new Map(patterns.map((pattern) => [pattern, readPattern(pattern)]));
  return listed.flatMap(({ sni, pointer }) => {
    const reading = readings.get(sni);
    return reading?.ok === false ? [{ pointer, code: reading.code, detail: reading.detail }] : [];
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
