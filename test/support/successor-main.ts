/** An engine in a process of its own that takes over a listening socket: see `successor.ts`. */
import { systemClock } from "#shared/base/clock.ts";

import type { ConnectTerms, CreateEngine } from "../../node-agent/engine/engine.ts";
import { createPortableEngine } from "../../node-agent/engine/portable/portable-engine.ts";
import { findNative } from "./native-engine.ts";
import type { SuccessorTask } from "./successor.ts";

const backlog = 1_024;
const terms: ConnectTerms = {
  prefix: undefined,
  connectTimeoutMs: 5_000,
  clientIdleMs: 0,
  backendIdleMs: 0,
  idleMode: "twoWay",
};

process.once("message", (task: SuccessorTask) => void serve(task));
process.once("disconnect", () => process.exit());

async function serve({ driver, descriptor, address, target }: SuccessorTask): Promise<void> {
  const create = driver === "native" ? await createNative() : createPortableEngine;
  const engine = create({
    clock: systemClock(),
    onEvents: (events) => {
      for (const event of events) {
        if (event.kind === "accepted") engine.connect(event.connection, target, terms);
        if (event.kind === "failed") engine.close(event.connection, "abort", "connect-failed");
      }
    },
  });
  process.send?.(await engine.listen(1, { address, reusePort: false, backlog, descriptor }));
  process.once("message", () => void engine.unlisten(1).then(() => process.send?.({ gone: true })));
}

async function createNative(): Promise<CreateEngine> {
  const native = await findNative();
  if (native.kind === "none") throw new Error(native.why);
  return native.create;
}
