import type { Targets } from "../contenders/contender.ts";
import type { BackendDeps } from "./backend-deps.ts";
import { startEchoBackend } from "./echo-backend.ts";
import { startHalfCloseBackend } from "./half-close-backend.ts";
import { startHoldingBackend } from "./holding-backend.ts";
import { startIperfBackend } from "./iperf-backend.ts";
import { startWebBackend } from "./web-backend.ts";

/** What every contender relays to. */
export interface Backends {
  readonly targets: Targets;
  /** The same, with a second backend where answers are short. */
  readonly changedTargets: Targets;
  /** The port of the one that sends datagrams back. */
  readonly echo: number;
}

/** Starts all backends. */
export async function startBackends(deps: BackendDeps): Promise<Backends> {
  const web = await startWebBackend(deps.cleanup, deps.folder);
  const targets: Targets = {
    keepAlive: web.keepAlive.slice(0, 1),
    close: web.close.slice(0, 1),
    bulk: [await startIperfBackend(deps)],
    hold: [await startHoldingBackend(deps.cleanup)],
    halfClose: [await startHalfCloseBackend(deps.cleanup)],
  };
  const changedTargets = { ...targets, keepAlive: web.keepAlive, close: web.close };
  return { targets, changedTargets, echo: await startEchoBackend(deps) };
}
