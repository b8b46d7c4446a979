import { afterFailedDial, reasonOf, targetOf } from "../connect/dialling.ts";
import { proxyHeader, type AnnouncedTls } from "../connect/proxy-header.ts";
import { refusalText } from "../elect/elect.ts";
import type { ConnectTerms } from "../engine/engine.ts";
import type { Candidate } from "../pool/pool-view.ts";
import { isOwnLack } from "../runtime/own-lack.ts";
import type { OpenConnection } from "./open-connection.ts";
import { reasonOfElection } from "./reason-of-election.ts";
import type { EventOf, Stages } from "./stages.ts";
import { takeBackend } from "./take-backend.ts";
import { turnAway } from "./turn-away.ts";

/** Elects and dials; when nobody is left to dial, the client learns of the last failure. */
export function dialNext(
  stages: Stages,
  connection: OpenConnection,
  lastCode: string | undefined,
): void {
  const { id, tried } = connection;
  const election = takeBackend(stages.counters, connection);
  if (election.kind === "chosen") {
    connection.backend = election.candidate;
    connection.isBackendLost = false;
    // Not pushed: a list that can grow takes more room, and most connections try one backend.
    connection.tried = [...tried, election.candidate.name];
    return stages.engine.connect(
      id,
      targetOf(election.candidate),
      connectTerms(connection, election.candidate),
    );
  }
  if (lastCode !== undefined) return stages.engine.close(id, "flush", reasonOf(lastCode));
  turnAway(stages, connection, {
    reason: reasonOfElection(election),
    detail: refusalText(election),
  });
}

/** One object for all of a balancer's connections, unless each is announced. */
function connectTerms(connection: OpenConnection, backend: Candidate): ConnectTerms {
  const { balancer, peer, tls } = connection;
  const terms = balancer.connectTerms(backend, tls);
  const { announce } = balancer.terms;
  if (announce === undefined || !backend.takesProxyHeader) return terms;
  return { ...terms, prefix: proxyHeader(announce, peer, announcedTls(connection)) };
}

/** What a handshake came to; where TLS passes through, the name that was asked for. */
function announcedTls({ tls, hello }: OpenConnection): AnnouncedTls | undefined {
  if (tls !== undefined) return { serverName: tls.serverName, alpn: tls.alpn, session: tls };
  return hello && { serverName: hello.name, alpn: "", session: undefined };
}

/** The backend is there, and bytes move already. */
export function onConnected(stages: Stages, event: EventOf<"connected">): void {
  const connection = stages.connections.get(event.connection);
  if (connection?.backend === undefined) return;
  connection.stage = "relaying";
  if (connection.trace !== undefined) stages.access.connected(connection.trace);
  stages.counts.connected(connection.backend.slot);
  if (connection.isBackendLost) stages.engine.close(connection.id, "abort", "backend-lost");
}

/** The client waits; somebody else may take it. */
export function onDialFailed(stages: Stages, event: EventOf<"failed">): void {
  const { code, mayRetry } = event;
  const connection = stages.connections.get(event.connection);
  if (connection?.backend === undefined) return;
  const { id, backend, balancer, tried } = connection;
  connection.backend = undefined;
  if (connection.trace !== undefined) connection.trace.failure = code;
  stages.counts.dialFailed(backend.slot, { isOwnLack: isOwnLack(code, backend.host) });
  const { key } = balancer.terms;
  stages.notices.add({ kind: "dial-failed", balancer: key, backend: backend.name, code, count: 1 });
  const next = afterFailedDial({ code, mayRetry, attempts: tried.length });
  if (next.kind === "give-up") return stages.engine.close(id, "flush", next.reason);
  dialNext(stages, connection, code);
}
