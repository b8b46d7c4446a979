import type { ConnectionEvent } from "../engine/engine.ts";
import { onHeader } from "./announce.ts";
import { onAccepted } from "./arrive.ts";
import { onClosed } from "./depart.ts";
import { onConnected, onDialFailed } from "./dial.ts";
import { onSecured } from "./handshake.ts";
import { onHello } from "./sniff.ts";
import type { EventOf, Stages } from "./stages.ts";

/**
 * The life of a connection. Each stage answers an event with the command that begins the next one,
 * and `connection.stage` says which event it waits for:
 *
 * - `arriving` (arrive.ts): where a proxy is in front of us, is it one that is trusted?
 * - `announcing` (announce.ts): the PROXY header says who it is. Then let-in.ts: may it come in?
 * - `sniffing` (sniff.ts): the ClientHello says which name is asked for.
 * - prepare.ts: what is agreed on with the client before anybody is dialled.
 * - `securing` (handshake.ts): the client's TLS, where it is terminated; nobody was dialled yet.
 * - `dialling` (dial.ts): elect, connect, and again when that failed.
 * - `relaying`: bytes move; nobody here is asked.
 *
 * Whatever the stage, turn-away.ts ends what must not go on, and depart.ts gives back what was held.
 */
export function tcpFlow(stages: Stages, event: ConnectionEvent): void {
  switch (event.kind) {
    case "accepted":
      return onAccepted(stages, event);
    case "peeked":
      return onPeeked(stages, event);
    case "secured":
      return onSecured(stages, event);
    case "connected":
      return onConnected(stages, event);
    case "failed":
      return onDialFailed(stages, event);
    case "closed":
      return onClosed(stages, event);
    case "accept-failed":
      return onAcceptFailed(stages, event);
  }
}

/** First bytes belong to the stage that has asked for them. */
function onPeeked(stages: Stages, event: EventOf<"peeked">): void {
  const connection = stages.connections.get(event.connection);
  switch (connection?.stage) {
    case "announcing":
      return onHeader(stages, connection, event);
    case "sniffing":
      return onHello(stages, connection, event);
    case undefined:
    case "arriving":
    case "securing":
    case "dialling":
    case "relaying":
      return;
  }
}

function onAcceptFailed(stages: Stages, { listener, code }: EventOf<"accept-failed">): void {
  const balancer = stages.balancerOf(listener);
  if (balancer === undefined) return;
  stages.notices.add({ kind: "accept-failed", balancer: balancer.terms.key, code, count: 1 });
}
