/**
 * Definitions for the tests: for every kind one that writes only what must be written, and one that
 * writes every key there is. Every duration in a full one is `1m30s`.
 */
export const anyDuration = "1m30s";

type Json = Record<string, unknown>;

const fetching = {
  failPolicy: "setempty",
  emptyAnswer: "accept",
  interval: anyDuration,
  timeout: anyDuration,
  shrinkGuard: { percent: 50, hold: anyDuration },
};
const pem = { pem: { certificate: "-----BEGIN CERTIFICATE-----", key: "plain key" } };
const filesPair = {
  certPath: "/etc/web.pem",
  keyPath: "/etc/web.key",
  passphrase: "plain password",
};
const sourceTls = { rootCa: { file: "/etc/ca.pem" }, clientCertificate: pem };

const httpRequest = {
  headers: [{ name: "X-Key", value: "plain key" }],
  auth: { username: "u", password: "plain password" },
  bearerToken: "plain token",
  tls: sourceTls,
};

export const minimalDiscoveries: Readonly<Record<string, Json>> = {
  static: { kind: "static", backends: [] },
  srv: { kind: "srv", lookupServer: "127.0.0.1:53", lookupPattern: "_web._tcp.example." },
  docker: { kind: "docker", endpoint: "unix:///var/run/docker.sock", containerPrivatePort: 80 },
  json: { kind: "json", endpoint: "http://inventory.internal/backends" },
  exec: { kind: "exec", command: ["/usr/bin/backends"] },
  plaintext: { kind: "plaintext", endpoint: "https://inventory.internal/backends" },
  consul: { kind: "consul", host: "127.0.0.1:8500", serviceName: "web" },
  lxd: { kind: "lxd", serverAddress: "unix:/var/lib/lxd/unix.socket", containerPort: 80 },
  etcd: { kind: "etcd", endpoint: "http://127.0.0.1:2379", prefix: "/web/" },
  kubernetes: { kind: "kubernetes", serviceName: "web" },
  ec2: { kind: "ec2", region: "eu-central-1", tags: [{ key: "role" }], port: 80 },
  ecs: {
    ...{ kind: "ecs", region: "eu-central-1", cluster: "shop", serviceName: "web" },
    containerPort: 80,
  },
  cloudmap: {
    ...{ kind: "cloudmap", region: "eu-central-1" },
    ...{ namespaceName: "shop", serviceName: "web" },
  },
  multi: { kind: "multi", sources: [{ kind: "static", backends: [] }] },
};

const aws = {
  endpoint: "https://vpce.example.com",
  credentials: {
    accessKeyId: "AKID",
    secretAccessKey: "plain key",
    sessionToken: "plain token",
  },
  role: {
    arn: "arn:aws:iam::123456789012:role/discovery",
    externalId: "x",
    endpoint: "https://sts.example.com",
  },
  ...fetching,
};

const backend = {
  host: "10.0.0.5",
  port: 80,
  weight: 2,
  priority: 3,
  maxConnections: 4,
  sni: "a.test",
  alpn: ["h2"],
  proxyProtocol: false,
};

const singleDiscoveries: Readonly<Record<string, Json>> = {
  static: { kind: "static", backends: [backend] },
  srv: {
    ...minimalDiscoveries["srv"],
    dnsProtocol: "tcp",
    nxdomain: "empty",
    followTtl: true,
    ...fetching,
  },
  docker: {
    ...minimalDiscoveries["docker"],
    containerLabel: "role=web",
    containerHostEnvVar: "HOST",
    address: "container",
    network: "front",
    units: "services",
    auth: { username: "u", password: "plain password" },
    tls: sourceTls,
    ...fetching,
  },
  json: {
    ...minimalDiscoveries["json"],
    itemsPattern: "result.nodes",
    hostPattern: "a.host",
    portPattern: "a.port",
    weightPattern: "w",
    priorityPattern: "p",
    sniPattern: "s",
    maxConnectionsPattern: "m",
    ...httpRequest,
    ...fetching,
  },
  exec: { kind: "exec", command: ["/usr/bin/backends", "-v"], ...fetching },
  plaintext: {
    ...minimalDiscoveries["plaintext"],
    regexPattern: "^(?P<host>\\S+) (?P<port>\\d+)$",
    ...httpRequest,
    ...fetching,
  },
  consul: {
    ...minimalDiscoveries["consul"],
    serviceTag: "v2",
    servicePassingOnly: true,
    datacenter: "eu",
    auth: { username: "u", password: "plain password" },
    aclToken: "plain token",
    tls: sourceTls,
    ...fetching,
  },
  lxd: {
    ...minimalDiscoveries["lxd"],
    serverRemoteName: "remote",
    serverRemotePassword: "plain password",
    configDirectory: "/etc/lxc",
    generateClientCerts: true,
    acceptServerCert: true,
    containerLabelKey: "user.role",
    containerLabelValue: "web",
    containerPortKey: "user.port",
    containerInterface: "eth1",
    containerInterfaceKey: "user.interface",
    containerSniKey: "user.sni",
    containerAddressType: "IPv6",
    ...fetching,
  },
  etcd: {
    ...minimalDiscoveries["etcd"],
    auth: { username: "u", password: "plain password" },
    tls: sourceTls,
    ...fetching,
  },
  kubernetes: {
    ...minimalDiscoveries["kubernetes"],
    apiServer: "https://10.0.0.9:6443",
    namespace: "shop",
    port: "http",
    addressFamily: "any",
    bearerToken: "plain token",
    tls: sourceTls,
    ...fetching,
  },
  ec2: {
    ...minimalDiscoveries["ec2"],
    tags: [{ key: "role", values: ["web"] }],
    address: "ipv6",
    ...aws,
  },
  ecs: {
    ...minimalDiscoveries["ecs"],
    containerName: "web",
    ec2Endpoint: "https://ec2.example.com",
    ...aws,
  },
  cloudmap: { ...minimalDiscoveries["cloudmap"], healthStatus: "ALL", port: 81, ...aws },
};

export const fullDiscoveries: Readonly<Record<string, Json>> = {
  ...singleDiscoveries,
  multi: { kind: "multi", sources: Object.values(singleDiscoveries) },
};

export const minimalHealthchecks: Readonly<Record<string, Json>> = {
  none: { kind: "none" },
  ping: { kind: "ping" },
  probe: { kind: "probe", protocol: "tcp", send: "PING", recv: "PONG" },
  exec: { kind: "exec", command: "/usr/bin/check" },
  http: { kind: "http" },
};

const checking = {
  interval: anyDuration,
  timeout: anyDuration,
  fails: 5,
  passes: 4,
  initialStatus: "unhealthy",
  target: { host: "10.0.0.9", port: 8080 },
  waitForFirstResult: true,
  panicBelowPercent: 50,
};

const checkTls = {
  ignoreVerify: true,
  rootCa: { file: "/etc/ca.pem" },
  serverName: "www.example.com",
};

export const fullHealthchecks: Readonly<Record<string, Json>> = {
  none: { kind: "none" },
  ping: { kind: "ping", ...checking },
  probe: {
    ...minimalHealthchecks["probe"],
    protocol: "tls",
    tls: checkTls,
    strategy: "regexp",
    recv: "^PONG",
    recvLen: 4,
    ...checking,
  },
  exec: {
    ...minimalHealthchecks["exec"],
    expectedPositiveOutput: "1",
    expectedNegativeOutput: "0",
    trimOutput: true,
    ...checking,
  },
  http: {
    kind: "http",
    scheme: "https",
    method: "HEAD",
    path: "/healthz?deep=1",
    host: "www.example.com",
    headers: { "X-Check": "plain token" },
    expectedStatuses: ["200-299", "304"],
    bodyPattern: "^ok",
    tls: checkTls,
    ...checking,
  },
};

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
