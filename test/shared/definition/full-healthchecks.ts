import { anyDuration } from "./full-parts.ts";

type Json = Record<string, unknown>;

/** Of every kind of health check only what must be written. */
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

/** Of every kind of health check every key there is. */
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
