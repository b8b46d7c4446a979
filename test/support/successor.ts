import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import type { Address, Driver, ListenOutcome } from "../../node-agent/engine/engine.ts";

/** What the other process is told; `descriptor` is the socket's number over there. */
export interface SuccessorTask {
  readonly driver: Driver;
  readonly descriptor: number;
  readonly address: Address;
  readonly target: Address;
}

export interface Successor {
  /** What came of listening. */
  readonly outcome: ListenOutcome;
  /** Stops listening over there. */
  unlisten(): Promise<void>;
}

/**
 * Another process that takes a listening socket over, as an agent's successor does: it inherits the
 * descriptor, and serves every client from `target`.
 */
export async function startSuccessor(
  descriptor: number | undefined,
  task: Omit<SuccessorTask, "descriptor">,
): Promise<Successor> {
  if (descriptor === undefined) throw new Error("there is no listening socket to take over");
  const child = spawn(process.execPath, [join(import.meta.dirname, "successor-main.ts")], {
    stdio: ["ignore", "inherit", "inherit", "ipc", descriptor],
  });
  onTestFinished(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  const answer: Promise<unknown[]> = once(child, "message");
  child.send({ ...task, descriptor: 4 } satisfies SuccessorTask);
  const outcome = outcomeOf((await answer)[0]);
  return {
    outcome,
    unlisten: async () => {
      const done = once(child, "message");
      child.send({ unlisten: true });
      await done;
    },
  };
}

/** Guarantee: `successor-main.ts` sends first what `listen` resolved to. */
function outcomeOf(message: unknown): ListenOutcome {
  return message as ListenOutcome;
}
