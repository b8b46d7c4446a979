import { statSync } from "node:fs";
import { dirname } from "node:path";

import { findGivenNode } from "../runtime/given-node.ts";

export interface SuccessorCommand {
  /** Node, its options, the file and its arguments: as this process was started. */
  readonly words: () => readonly string[];
  /** Where it is started; undefined: where this process was. */
  readonly workingFolder: () => string | undefined;
  readonly environment: NodeJS.ProcessEnv;
}

/** How this process was started, and so the Node and the code that lie there by the time it is asked. */
export function ownCommand(environment: NodeJS.ProcessEnv): SuccessorCommand {
  const { argv0, execPath, execArgv, argv } = process;
  const node = findGivenNode({ argv0, execPath, searchPath: environment["PATH"] });
  const folder = process.cwd();
  return {
    words: () => [node(), ...execArgv, ...argv.slice(1)],
    // Node starts no worker thread in a folder that was removed; the code's is there.
    workingFolder: () => (isStill(folder) ? undefined : dirname(argv[1] ?? "/")),
    environment,
  };
}

/** Whether this process's working folder still lies under that name. */
function isStill(folder: string): boolean {
  const own = statSync(".");
  const named = statSync(folder, { throwIfNoEntry: false });
  return named?.ino === own.ino && named.dev === own.dev;
}
