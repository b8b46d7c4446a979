import { anyDuration, pem } from "./full-parts.ts";

type Json = Record<string, unknown>;

const fetching = {
  failPolicy: "setempty",
  emptyAnswer: "accept",
  interval: anyDuration,
  timeout: anyDuration,
  shrinkGuard: { percent: 50, hold: anyDuration },
};
const sourceTls = { rootCa: { file: "/etc/ca.pem" }, clientCertificate: pem };

const httpRequest = {
  headers: [{ name: "X-Key", value: "plain key" }],
  auth: { username: "u", password: "plain password" },
  bearerToken: "plain token",
  tls: sourceTls,
};

/** Of every kind of discovery only what must be written. */
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

/** Of every kind of discovery every key there is. */
export const fullDiscoveries: Readonly<Record<string, Json>> = {
  ...singleDiscoveries,
  multi: { kind: "multi", sources: Object.values(singleDiscoveries) },
};
