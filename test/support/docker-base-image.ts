import { spawn } from "node:child_process";
import { cp, mkdir, realpath, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { copyFile, copyProgram } from "./copy-program.ts";
import type { Docker } from "./docker.ts";
import { repository, type Cleanup } from "./processes.ts";
import { findProgram, outputOf } from "./run-command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What the images' build runs, besides Node and npm. */
const programs = ["sh", "mkdir", "chown", "env"];

/**
 * An image to build on where no registry can be reached: this host's Node, npm and C library, and
 * npm's cache with the packages that the images install, used offline.
 *
 * @returns its name
 */
export async function importBaseImage(cleanup: Cleanup, docker: Docker): Promise<string> {
  const root = await temporaryFolder(cleanup);
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await mkdir(join(root, "usr/lib/node_modules"), { recursive: true });
  await mkdir(join(root, "tmp"), { mode: 0o1777 });
  await symlink("usr/bin", join(root, "bin"));
  await copyPrograms(root);
  await copyNpm(root);
  await fillCache(cleanup, join(root, "npm-cache"));
  const name = "midstream-test/base:1";
  const settings = "ENV PATH=/usr/bin npm_config_offline=true npm_config_cache=/npm-cache";
  const tar = spawn("tar", ["--directory", root, "--create", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await docker.run(["import", "--change", settings, "-", name], tar.stdout);
  return name;
}

async function copyPrograms(root: string): Promise<void> {
  const found = await Promise.all(programs.map((name) => findProgram(name)));
  const paths = [process.execPath, ...found.filter((path) => path !== undefined)];
  for (const path of paths) {
    const name = path === process.execPath ? "node" : basename(path);
    await copyProgram(path, { root, name });
  }
}

async function copyNpm(root: string): Promise<void> {
  const npm = await findProgram("npm");
  if (npm === undefined) throw new Error("npm is not installed");
  const folder = dirname(dirname(await realpath(npm)));
  await cp(folder, join(root, "usr/lib/node_modules/npm"), { recursive: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/bin/npm"));
}

/** Installs once what both images install, with a cache of its own. */
async function fillCache(cleanup: Cleanup, cache: string): Promise<void> {
  const folder = await temporaryFolder(cleanup);
  await copyManifests(folder);
  const which = ["--workspace", "control", "--workspace", "node-agent", "--include-workspace-root"];
  const what = ["--omit=dev", "--omit=optional", "--ignore-scripts", "--prefer-offline"];
  await outputOf(["npm", "ci", ...what, ...which, "--cache", cache], { workingFolder: folder });
}

/** What npm needs to see of the checkout. */
export async function copyManifests(folder: string): Promise<void> {
  const workspaces = ["shared", "control", "node-agent", "infra", "test"];
  const manifests = ["package.json", "package-lock.json"].concat(
    workspaces.map((workspace) => join(workspace, "package.json")),
  );
  for (const manifest of manifests) {
    await copyFile(join(repository, manifest), join(folder, manifest));
  }
}
