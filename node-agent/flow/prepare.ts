import { dialNext } from "./dial.ts";
import { beginHandshake } from "./handshake.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { Stages } from "./stages.ts";

/** What has to be known of a client before a backend is elected, one after the other. */
export function prepare(stages: Stages, connection: OpenConnection): void {
  afterSniffing(stages, connection);
}

/** The client's own TLS, where it is terminated, is agreed on here: before anybody is dialled. */
function afterSniffing(stages: Stages, connection: OpenConnection): void {
  if (connection.balancer.terms.tls?.clients !== undefined) {
    return beginHandshake(stages, connection);
  }
  connection.stage = "dialling";
  dialNext(stages, connection, undefined);
}
