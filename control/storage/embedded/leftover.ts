import { readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";

import { sleep, type Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import { embeddedStopMsMax } from "#shared/base/limits.ts";

import { postmasterFile } from "./postmaster-file.ts";
import { sendSignal } from "./send-signal.ts";

/** Fast shutdown, immediate shutdown, and the last resort; Postgres' own signals for the first two. */
const signals = ["SIGINT", "SIGQUIT", "SIGKILL"] as const;

/**
 * Stops a Postgres that a killed control process left on this folder, and removes the file of one
 * that is gone. The folder's lock must be held: then nobody else's can be running there.
 *
 * @throws Fault `storage/leftover-postgres` when it does not stop
 */
export async function clearLeftover(folder: string, clock: Clock): Promise<"none" | "stopped"> {
  const file = await postmasterFile(folder);
  if (file === undefined) return "none";
  if (!(await runsOn(folder, file.pid))) {
    // The number belongs to nobody, or to another program by now; Postgres could not tell.
    await rm(join(folder, "postmaster.pid"), { force: true });
    return "none";
  }
  for (const signal of signals) {
    sendSignal(file.pid, signal);
    // oxlint-disable-next-line no-await-in-loop -- the harder signal only if this one did not do
    if (await goneWithin(folder, file.pid, clock)) {
      // oxlint-disable-next-line no-await-in-loop -- ends the loop
      await rm(join(folder, "postmaster.pid"), { force: true });
      return "stopped";
    }
  }
  throw stays(folder, file.pid);
}

/** A postmaster's working folder is its data folder. */
async function runsOn(folder: string, pid: number): Promise<boolean> {
  if (!sendSignal(pid, 0)) return false;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(folder));
  } catch {
    // Gone, a zombie, or another user's; without /proc the number has to do.
    return !(await hasProc());
  }
}

async function hasProc(): Promise<boolean> {
  return readlink("/proc/self").then(
    () => true,
    () => false,
  );
}

async function goneWithin(folder: string, pid: number, clock: Clock): Promise<boolean> {
  const deadlineMs = clock.monotonicMs() + embeddedStopMsMax;
  while (clock.monotonicMs() < deadlineMs) {
    // oxlint-disable-next-line no-await-in-loop -- looks again until it is gone
    if (!(await runsOn(folder, pid))) return true;
    // oxlint-disable-next-line no-await-in-loop -- a short wait between two looks
    await sleep(clock, 20);
  }
  return false;
}

function stays(folder: string, pid: number): Fault {
  return new Fault({
    code: "storage/leftover-postgres",
    owner: "platform",
    message: `a Postgres (pid ${pid}) left on ${folder} does not stop: end it, then start again`,
  });
}
