import { durationMs, type Duration } from "#shared/base/duration.ts";
import { Fault } from "#shared/base/fault.ts";
import { firstBytesMsMax } from "#shared/base/limits.ts";
import { parseAccessRule } from "#shared/definition/access.ts";
import type { Balancer } from "#shared/definition/balancer.ts";
import { unixSource } from "#shared/definition/inbound-proxy-protocol.ts";
import { readNetwork } from "#shared/definition/network.ts";

import type { AnnounceTerms } from "../connect/proxy-header.ts";
import { strategyNames, type ElectionTerms, type StrategyName } from "../elect/elect.ts";
import type { AccessTerms } from "./access-trace.ts";
import type { SharedTables } from "./balancer-memory.ts";
import type {
  BalancerPlace,
  BalancerTerms,
  DoorTerms,
  InboundTerms,
  SniffTerms,
  TlsTerms,
  UdpTerms,
} from "./worker-protocol.ts";

/** What a definition comes to on this node. */
export interface NodeTerms {
  readonly tables: SharedTables;
  /** Undefined when the definition asks for none, or the node writes none. */
  readonly accessLog: AccessTerms | undefined;
  readonly tls: TlsTerms | undefined;
}

/**
 * What workers have to know of a definition.
 *
 * @throws Fault `flow/unsupported` for a strategy that is not among `strategyNames`
 */
export function balancerTerms(
  definition: Balancer,
  place: BalancerPlace,
  { tables, accessLog, tls }: NodeTerms,
): BalancerTerms {
  const { limits } = definition;
  return {
    ...place,
    election: electionTerms(definition),
    sticky: stickyTerms(definition, tables),
    inbound: inboundTerms(definition),
    door: doorTerms(definition, tables),
    sni: sniffTerms(definition),
    connect: {
      prefix: undefined,
      connectTimeoutMs: durationMs(limits.backendConnectionTimeout),
      clientIdleMs: durationMs(limits.clientIdleTimeout),
      backendIdleMs: durationMs(limits.backendIdleTimeout),
      idleMode: limits.idleMode,
    },
    udp: definition.protocol === "udp" ? udpTerms(definition) : undefined,
    tls,
    announce: announceTerms(definition),
    accessLog,
  };
}

function udpTerms({ limits, udp }: Balancer): UdpTerms {
  const { maxRequests = 0, maxResponses = 0, transparent = false, sourceAddress } = udp ?? {};
  return {
    listener: { mode: maxRequests === 1 ? "single" : "sessions", transparent },
    session: {
      clientIdleMs: durationMs(limits.clientIdleTimeout),
      backendIdleMs: durationMs(limits.backendIdleTimeout),
      idleMode: limits.idleMode,
      maxRequests,
      maxResponses,
      localAddress: sourceAddress,
    },
  };
}

function electionTerms(definition: Balancer): ElectionTerms {
  const options = definition.strategyOptions ?? {};
  return {
    strategy: strategyOf(definition),
    isWeighted: options.weighted ?? false,
    hashesPort: options.hashClientPort ?? false,
    maxLoadPercent: options.maxLoadPercent ?? 0,
    backupBelow: options.backupBelow ?? 0,
    slowStartMs: options.slowStart === undefined ? 0 : durationMs(options.slowStart),
  };
}

function stickyTerms({ strategyOptions }: Balancer, tables: SharedTables): BalancerTerms["sticky"] {
  const sticky = strategyOptions?.sticky;
  if (sticky === undefined || tables.sticky === undefined) return undefined;
  return { memory: tables.sticky, expiryMs: durationMs(sticky.expiry) };
}

function doorTerms({ limits, access }: Balancer, tables: SharedTables): DoorTerms {
  const { maxConnections, perClient } = limits;
  return {
    maxConnections,
    access: access && { default: access.default, rules: access.rules.map(parseAccessRule) },
    perClient:
      perClient === undefined || tables.clients === undefined
        ? undefined
        : { bounds: perClient, memory: tables.clients },
  };
}

function inboundTerms({ inboundProxyProtocol }: Balancer): InboundTerms | undefined {
  if (inboundProxyProtocol === undefined) return undefined;
  const { from, required, timeout } = inboundProxyProtocol;
  return {
    from: {
      networks: from.flatMap((source) => readNetwork(source) ?? []),
      unix: from.includes(unixSource),
    },
    isRequired: required,
    timeoutMs: firstBytesMs(timeout),
  };
}

function sniffTerms({ sni }: Balancer): SniffTerms | undefined {
  if (sni === undefined) return undefined;
  const { hostnameMatchingStrategy, unexpectedHostnameStrategy, readTimeout } = sni;
  return {
    matching: hostnameMatchingStrategy,
    unexpected: unexpectedHostnameStrategy,
    timeoutMs: firstBytesMs(readTimeout),
  };
}

/** Nobody is waited for without an end: a client that says nothing costs a descriptor. */
function firstBytesMs(duration: Duration): number {
  return durationMs(duration) || firstBytesMsMax;
}

function announceTerms({ proxyProtocol }: Balancer): AnnounceTerms | undefined {
  if (proxyProtocol === undefined) return undefined;
  const { version, tlsDetails = false } = proxyProtocol;
  return { version: version === "1" ? 1 : 2, tellsTls: tlsDetails };
}

function strategyOf({ strategy }: Balancer): StrategyName {
  const known = strategyNames.find((name) => name === strategy);
  if (known !== undefined) return known;
  throw new Fault({
    code: "flow/unsupported",
    owner: "platform",
    message: `the strategy ${strategy} reached an agent that does not know it`,
  });
}
