import { connect, type LookupFunction, type Socket } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";

import { isOwnLack } from "./own-lack.ts";
import type { Probe, ProbeResult, ProbeTarget } from "./probe.ts";

export interface PingDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  /** 0 leaves it to the system's own limit. */
  readonly timeoutMs: number;
}

/** Healthy when a TCP connection can be made within the timeout; it is closed at once. */
export function pingProbe(deps: PingDeps): Probe {
  return (target, signal) => pingOnce(deps, target, signal);
}

function pingOnce(deps: PingDeps, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const { clock, lookup, timeoutMs } = deps;
  const { host, port } = target;
  const startedMs = clock.monotonicMs();
  return new Promise((resolve) => {
    const socket = connect({ host, port, lookup });
    const finish = (verdict: ProbeResult["verdict"], detail: string): void => {
      timer?.stop();
      signal.removeEventListener("abort", onAbort);
      endAtOnce(socket);
      const tookMs = clock.monotonicMs() - startedMs;
      resolve(verdict === "passed" ? { verdict, tookMs } : { verdict, tookMs, detail });
    };
    const onAbort = (): void => finish("none", "aborted");
    socket.on("error", (error) => {
      const code = systemErrorCode(error) ?? "EUNKNOWN";
      finish(isOwnLack(code, host) ? "none" : "failed", code);
    });
    socket.once("connect", () => finish("passed", ""));
    const timer =
      timeoutMs > 0 ? clock.after(timeoutMs, () => finish("failed", "timeout")) : undefined;
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** A reset instead of a FIN: the balancer's host keeps no TIME_WAIT entry for each check. */
function endAtOnce(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
