import { cp, mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { runProgram } from "./run-program.ts";

const workspaces = ["shared", "control", "node-agent", "infra", "test"];
/** What a host gets of the checkout, besides packages and addons. */
const sources = ["shared", "node-agent", "infra/systemd", "LICENSE", "CHANGELOG.md"];
const install = [
  ...["ci", "--omit=dev", "--workspace", "node-agent", "--include-workspace-root"],
  ...["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
];

/** Puts an agent's install together in an empty folder: its packages, and its sources. */
export async function stageAgent(root: string, folder: string): Promise<void> {
  const manifests = ["package.json", "package-lock.json"].concat(
    workspaces.map((workspace) => join(workspace, "package.json")),
  );
  await Promise.all(manifests.map((path) => copied(root, folder, path)));
  await runProgram(folder, ["npm", ...install]);
  // npm wanted to see them; nothing of them is there.
  await Promise.all(["control", "test"].map((name) => rm(join(folder, name), { recursive: true })));
  await Promise.all(sources.map((path) => copied(root, folder, path)));
}

async function copied(root: string, folder: string, path: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await cp(join(root, path), join(folder, path), { recursive: true, filter: isOurs });
}

/** Packages were installed for the host; addons are built for the release. */
function isOurs(path: string): boolean {
  return basename(path) !== "node_modules" && !path.endsWith(join("engine", "native", "build"));
}
