import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { eventually } from "../support/eventually.ts";
import { cleanEnvironment, repository } from "../support/processes.ts";
import { runCommand } from "../support/run-command.ts";
import { pageSteps, shownPattern, typePage } from "../support/typed-page.ts";

/** Where the page keeps its files. */
const folder = join(repository, ".midstream/page");

/** In a network of its own where that can be had, so that its fixed ports are free. */
const ownNetwork = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

test("the README's page, typed as it stands, leads from sign-up to the exact numbers", async ({
  annotate,
}) => {
  onTestFinished(removeFolder);
  onTestFinished(killLeft);
  const steps = pageSteps(await readFile(join(repository, "README.md"), "utf8"));
  expect(steps.length).toBeGreaterThan(7);
  const startedMs = performance.now();
  const printed = await typePage(steps, {
    prefix: await networkPrefix(),
    workingFolder: repository,
    environment: cleanEnvironment(),
  });
  await annotate(`typed in ${Math.round(performance.now() - startedMs)} ms`, "measured");

  for (const [index, { commands, shown }] of steps.entries()) {
    expect(printed[index]?.trimEnd(), commands).toMatch(shownPattern(shown));
  }
  const output = printed.join("");
  const sizes = Array.from(output.matchAll(/^(\d+) (\d+) (\d+)$/gm), (match) => match.map(Number));
  const sumOf = (of: (size: readonly number[]) => number) =>
    sizes.reduce((sum, size) => sum + of(size), 0);
  expect(sizes).toHaveLength(4);
  expect(output).toContain(`txBytes: ${sumOf(([, request = 0]) => request)},`);
  expect(output).toContain(`rxBytes: ${sumOf(([, , head = 0, body = 0]) => head + body)},`);

  await eventually(async () => {
    const left = await runCommand(["pgrep", "--full", "--list-full", folder]);
    expect(left.stdout).toBe("");
  });
});

async function networkPrefix(): Promise<readonly string[]> {
  const tried = await runCommand([...ownNetwork, "true"]);
  return tried.code === 0 ? ownNetwork : [];
}

/** Only after a failure: whatever names the page's folder is the page's. */
async function killLeft(): Promise<void> {
  const { stdout } = await runCommand(["pgrep", "--full", folder]);
  for (const pid of stdout.split("\n").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
}

/** The database lies elsewhere when root's Postgres user cannot enter the checkout. */
async function removeFolder(): Promise<void> {
  const pointer = join(folder, "control", "postgres-folder");
  const elsewhere = await readFile(pointer, "utf8").catch(() => undefined);
  if (elsewhere !== undefined) await rm(dirname(elsewhere.trim()), { recursive: true });
  await rm(folder, { recursive: true, force: true });
}
