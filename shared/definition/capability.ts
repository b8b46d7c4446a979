import type { Problem } from "../base/problem.ts";
import type { Backend } from "./backend.ts";
import type { Balancer, Protocol } from "./balancer.ts";
import { isWildcard, parseBind, type Bind } from "./bind.ts";
import { sourcesOf, type DiscoveryKind, type Source } from "./discovery/discovery.ts";
import {
  healthcheckOptions,
  type Healthcheck,
  type HealthcheckKind,
  type HealthcheckOption,
} from "./healthcheck/healthcheck.ts";
import type { ProblemCode } from "./problem-code.ts";
import { isSecretReference } from "./secret.ts";
import { socketPathOf } from "./socket-path.ts";
import type { Strategy, StrategyOptions } from "./strategy.ts";
import type { Certificate } from "./tls.ts";

/**
 * Something that a balancer may need and an agent may lack. An agent names what it has in its first
 * frame; what it lacks is refused by name, never ignored.
 */
export type Capability =
  | `protocol:${Protocol}`
  | `strategy:${Strategy}`
  | `strategy-option:${keyof StrategyOptions}`
  | `discovery:${DiscoveryKind}`
  | "discovery-option:emptyAnswer"
  | `healthcheck:${HealthcheckKind}`
  | `healthcheck-option:${HealthcheckOption}`
  | "healthcheck-headers:sealed"
  | "multi-bind"
  | "bind:address"
  | "bind:port-range"
  | "bind:unix"
  | "bind:interface"
  | "backend:unix"
  | "idle:one-way"
  | "limits:per-client"
  | "cut-on-backend-loss"
  | "udp:transparent"
  | "udp:source-address"
  | "udp:wildcard"
  | "proxy-protocol:before-tls"
  | `certificate:${CertificateKind}`
  | "discovery-certificate:stored"
  | "discovery-docker:auth"
  | `section:${OptionalSection}`;

type OptionalSection =
  | "managedBackends"
  | "ejection"
  | "sni"
  | "tls"
  | "backendTls"
  | "access"
  | "proxyProtocol"
  | "inboundProxyProtocol"
  | "accessLog";
type CertificateKind = "stored" | "files" | "acme";

/** A capability, and the part of the balancer that needs it. */
export interface Requirement {
  readonly capability: Capability;
  /** JSON pointer into the balancer. */
  readonly pointer: string;
}

const optionalSections: readonly OptionalSection[] = [
  "managedBackends",
  "ejection",
  "sni",
  "tls",
  "backendTls",
  "access",
  "proxyProtocol",
  "inboundProxyProtocol",
  "accessLog",
];

/** Everything an agent must be able to do to run the balancer as it is written. */
export function requiredCapabilities(balancer: Balancer): readonly Requirement[] {
  return [
    need(`protocol:${balancer.protocol}`, "/protocol"),
    need(`strategy:${balancer.strategy}`, "/strategy"),
    ...strategyOptionNeeds(balancer.strategyOptions ?? {}),
    ...bindNeeds(balancer.bind),
    ...discoveryNeeds(balancer),
    ...healthcheckNeeds(balancer),
    ...optionalSections
      .filter((key) => balancer[key] !== undefined)
      .map((key) => need(`section:${key}`, `/${key}`)),
    ...(balancer.tls?.certificates ?? []).map((certificate, index) =>
      need(`certificate:${certificateKind(certificate)}`, `/tls/certificates/${index}`),
    ),
    ...(isStored(balancer.backendTls?.clientCertificate)
      ? [need("certificate:stored", "/backendTls/clientCertificate")]
      : []),
    ...(balancer.limits.idleMode === "oneWay" ? [need("idle:one-way", "/limits/idleMode")] : []),
    ...(balancer.limits.perClient === undefined
      ? []
      : [need("limits:per-client", "/limits/perClient")]),
    ...(balancer.cutOnBackendLoss === true
      ? [need("cut-on-backend-loss", "/cutOnBackendLoss")]
      : []),
    ...headerNeeds(balancer),
    ...udpNeeds(balancer),
  ];
}

/** What an agent with these capabilities cannot do for the balancer: one problem each. */
export function unsupportedBy(
  balancer: Balancer,
  capabilities: ReadonlySet<string>,
): readonly Problem[] {
  return requiredCapabilities(balancer)
    .filter(({ capability }) => !capabilities.has(capability))
    .map(({ capability, pointer }) => ({
      pointer,
      code: "unsupported" satisfies ProblemCode,
      detail: `needs ${capability}`,
    }));
}

function need(capability: Capability, pointer: string): Requirement {
  return { capability, pointer };
}

function headerNeeds({ proxyProtocol }: Balancer): readonly Requirement[] {
  return proxyProtocol?.beforeTls === true
    ? [need("proxy-protocol:before-tls", "/proxyProtocol/beforeTls")]
    : [];
}

function strategyOptionNeeds(options: StrategyOptions): readonly Requirement[] {
  return (
    ["weighted", "hashClientPort", "sticky", "maxLoadPercent", "backupBelow", "slowStart"] as const
  )
    .filter((option) => options[option] !== undefined)
    .map((option) => need(`strategy-option:${option}`, `/strategyOptions/${option}`));
}

function bindNeeds(texts: readonly string[]): readonly Requirement[] {
  const each = texts.flatMap((text, index) => bindNeedsOf(parseBind(text), `/bind/${index}`));
  return texts.length > 1 ? [need("multi-bind", "/bind"), ...each] : each;
}

function bindNeedsOf(bind: Bind, pointer: string): readonly Requirement[] {
  const kind = need(`bind:${bind.kind}`, pointer);
  const isRange = bind.kind !== "unix" && bind.fromPort !== bind.toPort;
  return isRange ? [kind, need("bind:port-range", pointer)] : [kind];
}

/** From a wildcard the reply has to leave by the address that was asked, or clients do not know it. */
function udpNeeds({ protocol, bind, udp }: Balancer): readonly Requirement[] {
  if (protocol !== "udp") return [];
  const wildcard = bind.findIndex((text) => {
    const one = parseBind(text);
    return one.kind === "address" && isWildcard(one.host);
  });
  return [
    ...(wildcard === -1 ? [] : [need("udp:wildcard", `/bind/${wildcard}`)]),
    ...(udp?.transparent === true ? [need("udp:transparent", "/udp/transparent")] : []),
    ...(udp?.sourceAddress === undefined ? [] : [need("udp:source-address", "/udp/sourceAddress")]),
  ];
}

function discoveryNeeds({ discovery }: Balancer): readonly Requirement[] {
  const sources = sourcesOf(discovery).flatMap(({ source, pointer }) => {
    const kind = need(`discovery:${source.kind}`, `${pointer}/kind`);
    const socket = source.kind === "static" ? firstSocket(source.backends) : -1;
    return [
      kind,
      ...(socket === -1 ? [] : [need("backend:unix", `${pointer}/backends/${socket}`)]),
      ...(source.kind === "docker" && source.auth !== undefined
        ? [need("discovery-docker:auth", `${pointer}/auth`)]
        : []),
      ...("emptyAnswer" in source && source.emptyAnswer !== undefined
        ? [need("discovery-option:emptyAnswer", `${pointer}/emptyAnswer`)]
        : []),
      ...(showsStored(source)
        ? [need("discovery-certificate:stored", `${pointer}/tls/clientCertificate`)]
        : []),
    ];
  });
  return discovery.kind === "multi"
    ? [need("discovery:multi", "/discovery/kind"), ...sources]
    : sources;
}

/** Whether the source is to be shown a certificate that the control plane keeps. */
function showsStored(source: Source): boolean {
  return isStored("tls" in source ? source.tls?.clientCertificate : undefined);
}

/** Whether a client's certificate is one that the control plane keeps. */
function isStored(certificate: object | undefined): boolean {
  return certificate !== undefined && "certificate" in certificate;
}

/** The place of the first backend that is a Unix socket; -1 when there is none. */
function firstSocket(backends: readonly Backend[]): number {
  return backends.findIndex(({ host }) => socketPathOf(host) !== undefined);
}

function healthcheckNeeds({ healthcheck }: Balancer): readonly Requirement[] {
  const asked = new Set(
    Object.entries(healthcheck).flatMap(([key, value]) => (value === undefined ? [] : [key])),
  );
  return [
    need(`healthcheck:${healthcheck.kind}`, "/healthcheck/kind"),
    ...healthcheckOptions
      .filter((option) => asked.has(option))
      .map((option) => need(`healthcheck-option:${option}`, `/healthcheck/${option}`)),
    ...(holdsSealed(healthcheck)
      ? [need("healthcheck-headers:sealed", "/healthcheck/headers")]
      : []),
  ];
}

/** Headers were stored in plain text once; agents of that time take no references. */
function holdsSealed(check: Healthcheck): boolean {
  if (check.kind !== "http") return false;
  return Object.values(check.headers ?? {}).some(isSecretReference);
}

function certificateKind(certificate: Certificate): CertificateKind {
  if ("acme" in certificate) return "acme";
  return "files" in certificate ? "files" : "stored";
}
