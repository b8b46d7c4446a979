import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";

import type { Clock } from "#shared/base/clock.ts";
import { durationMs } from "#shared/base/duration.ts";
import { checkMsMax } from "#shared/base/limits.ts";
import type { Healthcheck } from "#shared/definition/healthcheck/healthcheck.ts";
import type { HttpCheck } from "#shared/definition/healthcheck/http.ts";
import type { ProbeCheck } from "#shared/definition/healthcheck/probe.ts";

import type { BoundedCheckDeps } from "./bounded-check.ts";
import { tcpConnections, type OpenConnection } from "./check-connection.ts";
import { tlsConnections } from "./check-tls.ts";
import { datagramProbe } from "./datagram-probe.ts";
import { execProbe } from "./exec-probe.ts";
import { expectationOf, probeBytes } from "./expectation.ts";
import type { CheckGate } from "./gated-probe.ts";
import { httpProbe } from "./http-probe.ts";
import { pingProbe } from "./ping.ts";
import type { Probe } from "./probe.ts";
import { streamProbe, type Exchange } from "./stream-probe.ts";

export interface ProbeDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  /** Whom to trust where the definition does not say. */
  readonly authorities: () => SecureContext;
  /** Room for checks over sockets, and for those that run a program. */
  readonly gates: { readonly sockets: CheckGate; readonly programs: CheckGate };
}

/** A check that does something. */
export type ActiveCheck = Exclude<Healthcheck, { kind: "none" }>;

/** What a definition's check does, when there is room for it. */
export function probeOf(deps: ProbeDeps, check: ActiveCheck): Probe {
  const bounded = { ...deps, timeoutMs: timeoutMsOf(check) };
  const { sockets, programs } = deps.gates;
  switch (check.kind) {
    case "ping":
      return sockets.gated(pingProbe(bounded));
    case "probe":
      return sockets.gated(exchangeProbe(bounded, check));
    case "exec":
      return programs.gated(execProbe(bounded, check));
    case "http":
      return sockets.gated(httpProbe({ ...bounded, open: pageConnections(deps, check) }, check));
  }
}

/** Without a limit of its own a check that hangs would be no failure, and keep its place for good. */
function timeoutMsOf({ timeout }: ActiveCheck): number {
  const timeoutMs = durationMs(timeout);
  return timeoutMs === 0 ? checkMsMax : timeoutMs;
}

function exchangeProbe(deps: ProbeDeps & BoundedCheckDeps, check: ProbeCheck): Probe {
  const exchange: Exchange = { send: probeBytes(check.send), expectation: expectationOf(check) };
  switch (check.protocol) {
    case "tcp":
      return streamProbe({ ...deps, open: tcpConnections(deps.lookup) }, exchange);
    case "tls":
      return streamProbe({ ...deps, open: tlsConnections(deps, check.tls ?? {}) }, exchange);
    case "udp":
      return datagramProbe(deps, exchange);
  }
}

/** What the Host header says is also what the certificate has to be for. */
function pageConnections(deps: ProbeDeps, { scheme, host, tls }: HttpCheck): OpenConnection {
  if (scheme === "http") return tcpConnections(deps.lookup);
  return tlsConnections(deps, { ...(host === undefined ? {} : { serverName: host }), ...tls });
}
