/**
 * A process that does nothing but hold an embedded Postgres: `node embedded-postgres-main.ts DATA`.
 * Says `{type: "ready", url, folder}` or `{type: "failed", code, message}`; SIGTERM stops it.
 */
import { systemClock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";

import { startEmbeddedPostgres } from "../../control/storage/embedded-postgres.ts";

async function main(dataDir: string): Promise<void> {
  const postgres = await startEmbeddedPostgres({
    dataDir,
    clock: systemClock(),
    onNotice: (message) => console.log(message),
    onExit: (fault) => process.send?.({ type: "exit", message: fault.message }),
  });
  process.once("SIGTERM", () => void stop(postgres));
  process.send?.({ type: "ready", url: postgres.url, folder: postgres.folder });
}

async function stop(postgres: Stoppable): Promise<void> {
  await postgres.stop();
  process.exit(0);
}

try {
  await main(process.argv[2] ?? "");
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.log(`${error.code}: ${error.message}`);
  process.exitCode = 1;
  process.disconnect();
}
