import { unixPathBytesMax } from "../base/limits.ts";
import { refused, understood, type Reading } from "./reading.ts";

/** What stands before the path wherever a Unix socket can stand in an address's place. */
const prefix = "unix:";

/** The path after `unix:`; undefined for anything that is no Unix socket. */
export function socketPathOf(text: string): string | undefined {
  return text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}

/** An absolute path that fits into the address of a Unix socket. */
export function readSocketPath(path: string): Reading<string> {
  if (!path.startsWith("/")) {
    return refused("invalid-address", "a Unix socket needs an absolute path: unix:/run/web.sock");
  }
  if (new TextEncoder().encode(path).byteLength > unixPathBytesMax) {
    return refused("invalid-address", `a Unix socket's path has at most ${unixPathBytesMax} bytes`);
  }
  return understood(path);
}
