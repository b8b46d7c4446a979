import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** How a process was started, as `process` and its environment have it. */
export interface StartedNode {
  /** As it was typed: a path, or a name that was looked for on the path. */
  readonly argv0: string;
  /** The file that runs, links resolved. */
  readonly execPath: string;
  /** The folders that names are looked for in. */
  readonly searchPath: string | undefined;
}

/**
 * Finds the Node that runs under the path that it was started by, links left as they are: another
 * Node may lie there later.
 *
 * @returns that path as long as a program is there, otherwise the file that runs
 */
export function findGivenNode({ argv0, execPath, searchPath }: StartedNode): () => string {
  const folders = (searchPath ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const places = argv0.includes("/") ? [argv0] : folders.map((folder) => join(folder, argv0));
  // Any name can be given to a program: what does not lead to this Node is none of its.
  const found = places.find((place) => fileOf(place) === execPath);
  const given = found === undefined ? execPath : resolve(found);
  return () => (isProgram(given) ? given : execPath);
}

/** Undefined when nothing can be reached there. */
function fileOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
