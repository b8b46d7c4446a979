/**
 * `npm run release -- --out DIR`: packs an agent for hosts without a compiler and without npm: its
 * sources, its packages and the native engine's addon, for every architecture that a compiler is
 * here for. Says what it made; a release without this host's own addon is none.
 */
import { readFile, rm, writeFile, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { z } from "zod";

import { errorText } from "#shared/base/fault.ts";

import { buildAddons, type AddonOutcome } from "./build-addons.ts";
import { sha256Of, writeManifest } from "./release-manifest.ts";
import { runProgram } from "./run-program.ts";
import { stageAgent } from "./stage-agent.ts";

const root = join(import.meta.dirname, "..", "..");

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { out: { type: "string" } } });
  if (values.out === undefined) {
    console.error("npm run release -- --out DIR: give the folder to put the release in");
    return 2;
  }
  try {
    return await release(resolve(values.out));
  } catch (error) {
    console.error(errorText(error));
    return 1;
  }
}

async function release(out: string): Promise<number> {
  const version = await agentVersion();
  const name = `midstream-agent-${version}-linux`;
  const folder = join(out, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    const outcomes = await buildAddons(root, folder, process.arch);
    for (const line of outcomes.map(inWords)) console.log(line);
    const addons = outcomes.flatMap((one) => (one.kind === "built" ? [one.addon] : []));
    if (!addons.some(({ arch }) => arch === process.arch)) return 1;
    await stageAgent(root, folder);
    await writeManifest(folder, { version, addons });
    const archive = await packed(out, name);
    console.log(`${archive}\nsha256 ${await sumBeside(archive, `${name}.tar.gz`)}`);
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same files make the same archive. */
async function packed(out: string, name: string): Promise<string> {
  const archive = join(out, `${name}.tar.gz`);
  const same = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
  await runProgram(out, ["tar", ...same, "--use-compress-program=gzip -n", "-cf", archive, name]);
  return archive;
}

async function sumBeside(archive: string, name: string): Promise<string> {
  const sum = await sha256Of(archive);
  await writeFile(`${archive}.sha256`, `${sum}  ${name}\n`);
  return sum;
}

async function agentVersion(): Promise<string> {
  const text = await readFile(join(root, "node-agent", "package.json"), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

function inWords(outcome: AddonOutcome): string {
  if (outcome.kind === "left-out") return `addon for ${outcome.arch}: left out, ${outcome.why}`;
  const { arch, contract, nodeApi, glibc = "none" } = outcome.addon;
  return `addon for ${arch}: contract ${contract}, Node-API ${nodeApi}, glibc ${glibc} or newer`;
}

process.exitCode = await main();
