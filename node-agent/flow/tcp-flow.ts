import type { ConnectionEvent } from "../engine/engine.ts";
import { onAccepted } from "./arrive.ts";
import { onClosed } from "./depart.ts";
import { onConnected, onDialFailed } from "./dial.ts";
import { onSecured } from "./handshake.ts";
import type { EventOf, Stages } from "./stages.ts";

/**
 * The life of a connection. Each stage answers an event with the command that begins the next one,
 * and `connection.stage` says which event it waits for:
 *
 * - `arriving` (arrive.ts): who is it? Then let-in.ts: may it come in?
 * - prepare.ts: what has to be known of the client before a backend can be elected.
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
