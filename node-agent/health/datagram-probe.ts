import { createSocket, type Socket } from "node:dgram";
import { isIPv6, type LookupFunction } from "node:net";

import { boundedCheck, type BoundedCheckDeps, type Finish } from "./bounded-check.ts";
import { failureOf } from "./check-connection.ts";
import type { Probe, ProbeTarget } from "./probe.ts";
import type { Exchange } from "./stream-probe.ts";

export interface DatagramProbeDeps extends BoundedCheckDeps {
  readonly lookup: LookupFunction;
}

/**
 * Sends one datagram; the first one that comes back is the answer. A port that nobody listens on is
 * known at once where the host says so (ICMP), otherwise after the timeout.
 */
export function datagramProbe(deps: DatagramProbeDeps, exchange: Exchange): Probe {
  return (target, signal) =>
    boundedCheck(deps, signal, (finish) => {
      const asked: { socket: Socket | undefined; isOver: boolean } = {
        socket: undefined,
        isOver: false,
      };
      deps.lookup(target.host, {}, (error, address) => {
        if (asked.isOver) return;
        if (error !== null) return finish(...failureOf(error, target.host));
        const host = typeof address === "string" ? address : (address[0]?.address ?? "");
        asked.socket = ask({ host, port: target.port }, exchange, finish);
      });
      return () => {
        asked.isOver = true;
        asked.socket?.close();
      };
    });
}

/** A connected socket: what others send there does not arrive, and errors do. */
function ask(target: ProbeTarget, exchange: Exchange, finish: Finish): Socket {
  const socket = createSocket(isIPv6(target.host) ? "udp6" : "udp4");
  const failed = (error: unknown): void => finish(...failureOf(error, target.host));
  socket.on("error", failed);
  socket.on("message", (answer: Buffer) => {
    const { length, isMet } = exchange.expectation;
    const isWhole = answer.length >= length;
    if (isWhole && isMet(answer)) finish("passed", "");
    else finish("failed", isWhole ? "unexpected-answer" : "short-answer");
  });
  socket.once("connect", () => {
    socket.send(exchange.send, (error) => {
      if (error !== null) failed(error);
    });
  });
  socket.connect(target.port, target.host);
  return socket;
}
