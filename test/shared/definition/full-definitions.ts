import { fullDiscoveries, minimalDiscoveries } from "./full-discoveries.ts";
import { fullHealthchecks } from "./full-healthchecks.ts";
import { anyDuration, filesPair, pem } from "./full-parts.ts";

type Json = Record<string, unknown>;

/** Only what must be written, with the given sections. */
export function minimalBalancer(sections: Json = {}): Json {
  return { name: "web", bind: [":9000"], discovery: minimalDiscoveries["static"], ...sections };
}

const handshake = {
  ciphers: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
  minVersion: "tls1.1",
  maxVersion: "tls1.2",
  sessionTickets: true,
};

const common = {
  schema: 1,
  name: "web",
  group: "edge",
  bind: ["10.0.0.1:80", "[fd00::1]:8000-8010", "unix:/run/web.sock", "interface:eth1:81"],
  strategy: "iphash1",
  strategyOptions: {
    hashClientPort: true,
    sticky: { expiry: anyDuration, entriesMax: 10 },
    maxLoadPercent: 125,
    backupBelow: 2,
    slowStart: anyDuration,
  },
  managedBackends: [
    {
      host: "10.0.0.6",
      port: 80,
      override: true,
      weight: 2,
      priority: 3,
      maxConnections: 4,
      sni: "b.test",
      state: "draining",
      drainTimeout: anyDuration,
    },
  ],
  ejection: { failures: 3, time: anyDuration, maxTime: anyDuration },
  limits: {
    maxConnections: 10,
    clientIdleTimeout: anyDuration,
    backendIdleTimeout: anyDuration,
    backendConnectionTimeout: anyDuration,
    idleMode: "oneWay",
    perClient: { maxConnections: 10, newPerSecond: 5, ipv4Prefix: 24, ipv6Prefix: 56 },
  },
  access: { default: "deny", rules: ["allow 10.0.0.0/8", "deny ::1"] },
  accessLog: { sample: 0.5 },
  cutOnBackendLoss: true,
  drainTimeout: anyDuration,
};

const fullTls: Json = {
  ...common,
  protocol: "tls",
  sni: {
    hostnameMatchingStrategy: "regexp",
    unexpectedHostnameStrategy: "reject",
    readTimeout: anyDuration,
  },
  tls: {
    certificates: [
      { certificate: "crt_01" },
      { files: filesPair },
      { acme: { hosts: ["www.example.com"] } },
    ],
    alpn: ["h2", "http/1.1"],
    clientAuth: { mode: "verify", authority: { file: "/etc/clients.pem" } },
    ...handshake,
  },
  backendTls: {
    ignoreVerify: true,
    rootCa: { pem: "-----BEGIN CERTIFICATE-----" },
    clientCertificate: pem,
    serverName: "backend.example.com",
    alpn: ["h2"],
    ...handshake,
  },
  proxyProtocol: { version: "2", tlsDetails: true, beforeTls: true },
  inboundProxyProtocol: { from: ["10.0.0.0/8", "unix"], required: false, timeout: anyDuration },
};

const fullUdp: Json = {
  ...common,
  protocol: "udp",
  udp: { maxRequests: 3, maxResponses: 4, transparent: true },
};

/** Every key of every kind, once and more. */
export const fullBalancers: readonly Json[] = [
  ...Object.values(fullDiscoveries).map((discovery) => ({
    ...fullTls,
    discovery,
    healthcheck: fullHealthchecks["ping"],
  })),
  ...Object.values(fullHealthchecks).map((healthcheck) => ({
    ...fullTls,
    discovery: fullDiscoveries["static"],
    healthcheck,
  })),
  {
    ...fullTls,
    backendTls: { ignoreVerify: false, clientCertificate: { files: filesPair }, ...handshake },
    discovery: {
      ...fullDiscoveries["json"],
      tls: { clientCertificate: { files: filesPair } },
    },
    healthcheck: fullHealthchecks["ping"],
  },
  { ...fullUdp, discovery: fullDiscoveries["exec"], healthcheck: fullHealthchecks["exec"] },
];
