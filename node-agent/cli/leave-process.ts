import { systemClock } from "#shared/base/clock.ts";
import { errorText } from "#shared/base/fault.ts";

import type { LeaveConfig } from "../config.ts";
import { hostDisk } from "../runtime/disk.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { complain } from "./complain.ts";
import { leave } from "./leave.ts";

/** `leave` as a process: says how it went, and gives the exit code. */
export async function leaveProcess(config: LeaveConfig): Promise<number> {
  try {
    const { ok, text } = await leave({ clock: systemClock(), disk: hostDisk() }, config);
    if (ok) console.log(text);
    else complain([text]);
    return ok ? exitCodes.ended : exitCodes.failed;
  } catch (error) {
    complain([errorText(error)]);
    return exitCodes.failed;
  }
}
