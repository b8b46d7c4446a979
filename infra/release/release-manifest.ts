import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";

import type { ReleasedAddon } from "./build-addons.ts";

/** What a release says of itself. */
export interface ReleaseFacts {
  readonly version: string;
  readonly addons: readonly ReleasedAddon[];
}

/**
 * Writes `release.json`, which says what is there, and `SHA256SUMS` over all files, which
 * `sha256sum -c` checks.
 */
export async function writeManifest(folder: string, facts: ReleaseFacts): Promise<void> {
  const addons = await Promise.all(
    facts.addons.map(async (addon) => ({
      key: keyOf(addon),
      ...addon,
      sha256: await sha256Of(join(folder, addon.path)),
    })),
  );
  const manifest = { schema: 1, name: "midstream-agent", version: facts.version, addons };
  await writeFile(join(folder, "release.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const files = await filesIn(folder);
  const lines: string[] = [];
  for (const file of files) {
    // oxlint-disable-next-line no-await-in-loop -- thousands of files, one descriptor
    lines.push(`${await sha256Of(join(folder, file))}  ./${file}\n`);
  }
  await writeFile(join(folder, "SHA256SUMS"), lines.join(""));
}

/** Which hosts and agents an addon fits: platform, architecture, contract, Node-API, C library. */
function keyOf({ platform, arch, contract, nodeApi, glibc }: ReleasedAddon): string {
  const library = glibc === undefined ? "" : `-glibc${glibc}`;
  return `${platform}-${arch}-contract${contract}-napi${nodeApi}${library}`;
}

/** SHA-256 of a file, hexadecimal. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** Regular files; links lead to them. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}
