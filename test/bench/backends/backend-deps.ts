import type { Cleanup } from "../../support/processes.ts";

export interface BackendDeps {
  readonly cleanup: Cleanup;
  /** For configurations and logs. */
  readonly folder: string;
  /** Undefined: no bulk; its route leads nowhere. */
  readonly iperf3: string | undefined;
  /** test/bench/backends/datagram-echo.c, built; undefined: no UDP. */
  readonly echo: string | undefined;
}
