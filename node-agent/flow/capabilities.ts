import type { Capability } from "#shared/definition/capability.ts";
import { healthcheckOptions } from "#shared/definition/healthcheck/healthcheck.ts";

import { discoveryKinds } from "../discover/create-source.ts";
import { strategyNames, strategyOptionNames } from "../elect/elect.ts";
import type { Driver } from "../engine/engine.ts";
import { healthcheckKinds } from "../health/create-checking.ts";
import { bindKinds } from "../listen/listen-addresses.ts";

/** What this agent's data plane can do with a driver; a balancer that needs more is refused by name. */
export function capabilitiesOf(
  driver: Driver,
  { keepsCertificates }: { readonly keepsCertificates: boolean },
): ReadonlySet<Capability> {
  const stored: readonly Capability[] = keepsCertificates ? ["certificate:stored"] : [];
  return new Set<Capability>([...common, ...ofDrivers[driver], ...stored]);
}

/** Node's own sockets do not tell which address a datagram came to, nor send from another's. */
const ofDrivers: Readonly<Record<Driver, readonly Capability[]>> = {
  portable: [],
  native: ["udp:wildcard", "udp:transparent"],
};

const common: readonly Capability[] = [
  "protocol:tcp",
  "protocol:tls",
  "protocol:udp",
  "udp:source-address",
  "idle:one-way",
  "limits:per-client",
  "cut-on-backend-loss",
  "backend:unix",
  "discovery-certificate:stored",
  "discovery-docker:auth",
  "discovery-option:emptyAnswer",
  "section:tls",
  "section:backendTls",
  "certificate:files",
  "section:access",
  "section:accessLog",
  "section:sni",
  "section:proxyProtocol",
  "proxy-protocol:before-tls",
  "section:inboundProxyProtocol",
  "section:managedBackends",
  "section:ejection",
  "healthcheck-headers:sealed",
  ...healthcheckOptions.map((name) => `healthcheck-option:${name}` as const),
  ...bindKinds,
  ...strategyNames.map((name) => `strategy:${name}` as const),
  ...strategyOptionNames.map((name) => `strategy-option:${name}` as const),
  ...discoveryKinds.map((kind) => `discovery:${kind}` as const),
  ...healthcheckKinds.map((kind) => `healthcheck:${kind}` as const),
];
