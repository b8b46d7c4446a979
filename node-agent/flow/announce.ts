import { readProxyHeader } from "../listen/proxy-header.ts";
import { awaitFirstBytes, awaitMoreBytes } from "./first-bytes.ts";
import { letIn } from "./let-in.ts";
import type { OpenConnection } from "./open-connection.ts";
import type { InboundDoor } from "./served-balancer.ts";
import type { EventOf, Stages } from "./stages.ts";
import { turnAway } from "./turn-away.ts";

/** A trusted proxy is at the other end: its header says who the client is. */
export function awaitHeader(
  stages: Stages,
  connection: OpenConnection,
  { timeoutMs }: InboundDoor,
): void {
  stages.connections.set(connection.id, connection);
  awaitFirstBytes(stages, connection, { stage: "announcing", timeoutMs });
}

/** The header is there, or what there is of it. */
export function onHeader(
  stages: Stages,
  connection: OpenConnection,
  { bytes, outcome }: EventOf<"peeked">,
): void {
  const reading = readProxyHeader(bytes);
  const isSilent = bytes.length === 0;
  switch (reading.kind) {
    case "header":
      stages.engine.discard(connection.id, reading.length);
      if (reading.peer !== undefined) connection.announce(reading.peer);
      return letIn(stages, connection);
    case "invalid":
      return refuse(stages, connection, reading.detail);
    case "absent":
      return withoutHeader(stages, connection, "what was sent first is no PROXY header");
    case "incomplete":
      if (outcome === "more") return awaitMoreBytes(stages, connection, reading.bytesMin);
      if (isSilent && !isRequired(connection)) return letIn(stages, connection);
      if (outcome === "timeout") return refuseLate(stages, connection);
      return isSilent
        ? stages.engine.close(connection.id, "flush", "client-closed")
        : refuse(stages, connection, "a PROXY header is cut");
  }
}

/** The definition may have changed meanwhile: then a header is no more than an offer. */
function isRequired({ balancer }: OpenConnection): boolean {
  return balancer.inbound?.isRequired === true;
}

function withoutHeader(stages: Stages, connection: OpenConnection, detail: string): void {
  if (isRequired(connection)) refuse(stages, connection, detail);
  else letIn(stages, connection);
}

function refuse(stages: Stages, connection: OpenConnection, detail: string): void {
  turnAway(stages, connection, { reason: "bad-proxy-header", detail });
}

function refuseLate(stages: Stages, connection: OpenConnection): void {
  turnAway(stages, connection, { reason: "proxy-header-timeout", detail: "" });
}
