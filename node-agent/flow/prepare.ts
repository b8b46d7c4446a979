import { dialNext } from "./dial.ts";
import { beginHandshake } from "./handshake.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { Stages } from "./stages.ts";

/**
 * What is agreed on with a client before anybody is dialled for it. Its own TLS, where it is terminated,
 * belongs here: all that is known without answering it is known by now.
 */
export function prepare(stages: Stages, connection: OpenConnection): void {
  if (connection.balancer.terms.tls?.clients !== undefined) {
    return beginHandshake(stages, connection);
  }
  connection.stage = "dialling";
  dialNext(stages, connection, undefined);
}
