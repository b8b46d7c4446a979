import { readClientHello } from "../listen/client-hello.ts";
import { awaitFirstBytes, awaitMoreBytes } from "./first-bytes.ts";
import type { OpenConnection } from "./open-connection.ts";
import { prepare } from "./prepare.ts";
import type { EventOf, Stages } from "./stages.ts";
import { turnAway } from "./turn-away.ts";

/** Where names decide, the client is listened to first; nothing of what it says is used up. */
export function sniff(stages: Stages, connection: OpenConnection): void {
  const { sni } = connection.balancer.terms;
  if (sni === undefined) return prepare(stages, connection);
  awaitFirstBytes(stages, connection, { stage: "sniffing", timeoutMs: sni.timeoutMs });
}

/** The ClientHello is there, or what there is of it. */
export function onHello(
  stages: Stages,
  connection: OpenConnection,
  { bytes, outcome }: EventOf<"peeked">,
): void {
  const reading = readClientHello(bytes);
  switch (reading.kind) {
    case "hello":
      connection.hello = reading.hello;
      return prepare(stages, connection);
    case "invalid":
      return turnAway(stages, connection, { reason: "bad-hello", detail: reading.detail });
    case "incomplete":
      if (outcome === "more") return awaitMoreBytes(stages, connection, reading.bytesMin);
      if (outcome === "timeout") {
        return turnAway(stages, connection, { reason: "hello-timeout", detail: "" });
      }
      // Whoever ends without a word, as checks of a port do, was not turned away.
      return bytes.length === 0
        ? stages.engine.close(connection.id, "flush", "client-closed")
        : turnAway(stages, connection, { reason: "bad-hello", detail: "the ClientHello is cut" });
  }
}
