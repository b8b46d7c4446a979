import { join } from "node:path";

import { repository } from "./processes.ts";
import { runCommand, type CommandEnd } from "./run-command.ts";

/**
 * Runs a command with this checkout at /opt/midstream, where the units expect it, in a mount
 * namespace of its own: the host's /opt is not touched.
 */
export function withCheckoutInOpt(command: string): Promise<CommandEnd> {
  const script = [
    "set -e",
    "mount -t tmpfs tmpfs /opt",
    "mkdir /opt/midstream",
    `mount --bind '${repository}' /opt/midstream`,
    command,
  ].join("\n");
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  return runCommand([
    ...["unshare", ...user, "--mount", "--propagation", "private", "sh", "-c", script],
  ]);
}

/** Where a unit lies inside. */
export function unitInOpt(unit: string): string {
  return join("/opt/midstream/infra/systemd", unit);
}
