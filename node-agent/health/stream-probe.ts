import type { Socket } from "node:net";

import { boundedCheck, type BoundedCheckDeps, type Finish } from "./bounded-check.ts";
import { failureOf, type OpenConnection } from "./check-connection.ts";
import type { Expectation } from "./expectation.ts";
import type { Probe } from "./probe.ts";

export interface StreamProbeDeps extends BoundedCheckDeps {
  readonly open: OpenConnection;
}

/** What is sent, and what has to come back. */
export interface Exchange {
  readonly send: Uint8Array;
  readonly expectation: Expectation;
}

/**
 * Sends some bytes over a connection and looks at what comes back: as many bytes as are expected,
 * and no more. A backend that ends its stream before has given no answer.
 */
export function streamProbe(deps: StreamProbeDeps, exchange: Exchange): Probe {
  return (target, signal) =>
    boundedCheck(deps, signal, (finish) => {
      const connection = deps.open(target);
      if (connection === undefined) return notBegun(finish);
      const { socket, openEvent, end } = connection;
      socket.on("error", (error) => finish(...failureOf(error, target.host)));
      socket.once(openEvent, () => socket.write(exchange.send));
      readAnswer(socket, exchange.expectation, finish);
      return end;
    });
}

/** Without its authorities a check over TLS cannot be made. */
export function notBegun(finish: Finish): () => void {
  finish("none", "authority-unreadable");
  return () => undefined;
}

function readAnswer(socket: Socket, expectation: Expectation, finish: Finish): void {
  let answer: Uint8Array = new Uint8Array(0);
  socket.on("data", (data: Buffer) => {
    answer = Buffer.concat([answer, data]).subarray(0, expectation.length);
    if (!expectation.isPossible(answer)) return finish("failed", "unexpected-answer");
    if (answer.length < expectation.length) return;
    if (expectation.isMet(answer)) finish("passed", "");
    else finish("failed", "unexpected-answer");
  });
  socket.once("end", () => finish("failed", "short-answer"));
}
