import { rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { runProgram } from "./run-program.ts";

const outcomeSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("built"),
    platform: z.string(),
    arch: z.string(),
    contract: z.int(),
    nodeApi: z.int(),
    glibc: z.string().optional(),
  }),
  z.object({ kind: z.literal("no-compiler") }),
  z.object({ kind: z.literal("no-headers") }),
  z.object({ kind: z.literal("failed"), output: z.string() }),
]);

/** An addon, and what it asks of a host. */
export interface ReleasedAddon {
  /** Below the release's folder. */
  readonly path: string;
  readonly platform: string;
  readonly arch: string;
  /** The face that the agent of the same release speaks to. */
  readonly contract: number;
  readonly nodeApi: number;
  /** The oldest glibc that it runs on. */
  readonly glibc: string | undefined;
}

export type AddonOutcome =
  | { readonly kind: "built"; readonly addon: ReleasedAddon }
  | { readonly kind: "left-out"; readonly arch: string; readonly why: string };

/** Cross compilers as Debian calls them. */
const crossCompilers = { x64: "x86_64-linux-gnu-g++", arm64: "aarch64-linux-gnu-g++" } as const;
type Arch = keyof typeof crossCompilers;

/** Builds the addon for every architecture that a compiler is here for. */
export async function buildAddons(
  root: string,
  folder: string,
  host: string,
): Promise<readonly AddonOutcome[]> {
  const outcomes: AddonOutcome[] = [];
  for (const arch of ["x64", "arm64"] as const) {
    // oxlint-disable-next-line no-await-in-loop -- a compiler takes a core for itself
    outcomes.push(await builtFor(arch, { root, folder, host }));
  }
  return outcomes;
}

async function builtFor(
  arch: Arch,
  { root, folder, host }: { readonly root: string; readonly folder: string; readonly host: string },
): Promise<AddonOutcome> {
  const path = join("node-agent", "engine", "native", "build", `midstream-linux-${arch}.node`);
  const file = join(folder, path);
  const compiler = arch === host ? [] : ["--compiler", crossCompilers[arch]];
  const main = join("node-agent", "engine", "native", "build-main.ts");
  const args = [main, "--install", "--json", "--file", file, ...compiler];
  const outcome = outcomeSchema.parse(
    JSON.parse(await runProgram(root, [process.execPath, ...args])),
  );
  switch (outcome.kind) {
    case "built": {
      await rm(`${file}.key`);
      const { platform, contract, nodeApi, glibc } = outcome;
      return { kind: "built", addon: { path, platform, arch, contract, nodeApi, glibc } };
    }
    case "no-compiler":
      return { kind: "left-out", arch, why: `no ${compiler[1] ?? "C++ compiler"} here` };
    case "no-headers":
      return { kind: "left-out", arch, why: "Node's headers are not here" };
    case "failed":
      return { kind: "left-out", arch, why: outcome.output };
  }
}
