import { clientHandshakeMsMax } from "#shared/base/limits.ts";

import { dialNext } from "./dial.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { EventOf, Stages } from "./stages.ts";
import { tellRefused } from "./tell-refused.ts";
import { clientTlsOf } from "./tls-ids.ts";

/** Terminates the client's TLS: nobody is dialled for a client whose handshake has not ended. */
export function beginHandshake(stages: Stages, connection: OpenConnection): void {
  connection.stage = "securing";
  const { key } = connection.balancer.terms;
  stages.engine.secure(connection.id, clientTlsOf(key), { timeoutMs: clientHandshakeMsMax });
}

/** The handshake has ended well. */
export function onSecured(stages: Stages, event: EventOf<"secured">): void {
  const connection = stages.connections.get(event.connection);
  if (connection?.stage !== "securing") return;
  connection.tls = event.tls;
  if (connection.trace !== undefined) connection.trace.tls = event.tls;
  connection.stage = "dialling";
  dialNext(stages, connection, undefined);
}

/** It has not: the client is counted as one that was turned away, with why. */
export function onHandshakeFailed(
  stages: Stages,
  { balancer }: OpenConnection,
  { reason, tlsFailure }: EventOf<"closed">,
): void {
  if (reason !== "handshake-failed" && reason !== "handshake-timeout") return;
  tellRefused(stages, balancer, { reason, detail: tlsFailure ?? "" });
}
