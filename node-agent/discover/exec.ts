import type { z } from "zod";

import { sourceTextBytesMax } from "#shared/base/limits.ts";
import type { execDiscoverySchema } from "#shared/definition/discovery/exec.ts";

import type { DiscoverySource } from "./discovery.ts";
import { readLines, readPlainLine } from "./lines.ts";
import { runCommand } from "./run-command.ts";

export type ExecDiscovery = z.output<typeof execDiscoverySchema>;

/** Backends from the lines that a command prints. */
export function execSource({ command }: ExecDiscovery): DiscoverySource {
  return {
    fetch: async (signal) => {
      const run = await runCommand(command, { bytesMax: sourceTextBytesMax, signal });
      return run.ok ? readLines(run.output, readPlainLine, signal) : run;
    },
  };
}
