import type { LookupFunction } from "node:net";

import { boundedCheck, type BoundedCheckDeps } from "./bounded-check.ts";
import { failureOf, tcpConnections } from "./check-connection.ts";
import type { Probe } from "./probe.ts";

export interface PingDeps extends BoundedCheckDeps {
  readonly lookup: LookupFunction;
}

/** Healthy when a TCP connection can be made within the timeout; it is closed at once. */
export function pingProbe(deps: PingDeps): Probe {
  const open = tcpConnections(deps.lookup);
  return (target, signal) =>
    boundedCheck(deps, signal, (finish) => {
      const { socket, end } = open(target);
      socket.on("error", (error) => finish(...failureOf(error, target.host)));
      socket.once("connect", () => finish("passed", ""));
      return end;
    });
}
