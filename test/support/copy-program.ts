import { cp, mkdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

import { outputOf } from "./run-command.ts";

/** Copies a program of this host into `usr/bin` of another root, with its shared libraries. */
export async function copyProgram(
  path: string,
  { root, name }: { readonly root: string; readonly name: string },
): Promise<void> {
  await copyFile(path, join(root, "usr/bin", name));
  for (const library of await librariesOf(path)) await copyFile(library, join(root, library));
}

/** Copies a file, wherever a link leads, and makes the folders above it. */
export async function copyFile(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), to, { preserveTimestamps: true });
}

/** The shared libraries, as the dynamic linker finds them. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const lines = await outputOf(["ldd", program]);
  return Array.from(lines.matchAll(/(\/\S+) \(0x/g), ([, path = ""]) => path);
}
