/** A process that starts two workers, says so for each, and stops them: see `flow/spawn-thread.test.ts`. */
import { writeSync } from "node:fs";

import { systemClock } from "#shared/base/clock.ts";

import { createAddressClaims } from "../../node-agent/engine/address-claims.ts";
import { createDataPlane } from "../../node-agent/flow/create-data-plane.ts";
import { spawnThread } from "../../node-agent/flow/spawn-thread.ts";
import { quietLog } from "./quiet-log.ts";

const plane = await createDataPlane({
  clock: systemClock(),
  random: Math.random,
  log: quietLog(),
  claims: createAddressClaims(process.platform),
  workers: 2,
  engine: { driver: "portable" },
  spawn: (init, ears) => {
    const thread = spawnThread(init, ears);
    writeSync(1, "spawned\n");
    return thread;
  },
});
await plane.stop();
