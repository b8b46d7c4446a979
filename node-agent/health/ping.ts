import { connect, type Socket } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";

import type { Probe, ProbeResult, ProbeTarget } from "./probe.ts";

export interface PingDeps {
  readonly clock: Clock;
  /** 0 leaves it to the system's own limit. */
  readonly timeoutMs: number;
}

/** Healthy when a TCP connection can be made within the timeout; it is closed at once. */
export function pingProbe(deps: PingDeps): Probe {
  return (target, signal) => pingOnce(deps, target, signal);
}

function pingOnce(deps: PingDeps, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const startedMs = deps.clock.monotonicMs();
  const tookMs = (): number => deps.clock.monotonicMs() - startedMs;
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const finish = (detail: string | undefined): void => {
      timer?.stop();
      signal.removeEventListener("abort", onAbort);
      endAtOnce(socket);
      resolve(
        detail === undefined
          ? { ok: true, tookMs: tookMs() }
          : { ok: false, tookMs: tookMs(), detail },
      );
    };
    const onAbort = (): void => finish("aborted");
    socket.on("error", (error) => finish(systemErrorCode(error) ?? "EUNKNOWN"));
    socket.once("connect", () => finish(undefined));
    const { timeoutMs } = deps;
    const timer = timeoutMs > 0 ? deps.clock.after(timeoutMs, () => finish("timeout")) : undefined;
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** A reset instead of a FIN: the balancer's host keeps no TIME_WAIT entry for each check. */
function endAtOnce(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
