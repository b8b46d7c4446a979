import { resolve } from "node:path";

import { errorText } from "#shared/base/fault.ts";

import type { JoinConfig } from "../config.ts";
import { hostDisk } from "../runtime/disk.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { complain } from "./complain.ts";
import { join } from "./join.ts";
import { typedCommand } from "./typed-command.ts";

/** `join` as a process: says how it went, and gives the exit code. */
export async function joinProcess(config: JoinConfig): Promise<number> {
  try {
    const { ok, text } = await join(hostDisk(), config);
    if (ok) console.log(`${text}\nnext: ${runCommandOf(config)}`);
    else complain([text]);
    return ok ? exitCodes.ended : exitCodes.failed;
  } catch (error) {
    complain([errorText(error)]);
    return exitCodes.failed;
  }
}

/** How this very agent is started as the node: by the same program, from any folder. */
function runCommandOf({ dataFolder }: JoinConfig): string {
  const { execPath, execArgv, argv } = process;
  const program = [execPath, ...execArgv, ...argv.slice(1, 2)];
  return typedCommand([...program, "run", "--data", resolve(dataFolder)]);
}
