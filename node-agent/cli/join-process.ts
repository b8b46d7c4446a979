import { errorText } from "#shared/base/fault.ts";

import type { JoinConfig } from "../config.ts";
import { hostDisk } from "../runtime/disk.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { complain } from "./complain.ts";
import { join } from "./join.ts";

/** `join` as a process: says how it went, and gives the exit code. */
export async function joinProcess(config: JoinConfig): Promise<number> {
  try {
    const { ok, text } = await join(hostDisk(), config);
    if (ok) console.log(text);
    else complain([text]);
    return ok ? exitCodes.ended : exitCodes.failed;
  } catch (error) {
    complain([errorText(error)]);
    return exitCodes.failed;
  }
}
