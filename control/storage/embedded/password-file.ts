import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errorText, Fault, systemErrorCode } from "#shared/base/fault.ts";

/**
 * The password of the embedded Postgres, made on the first start and kept in the data folder for
 * its owner's eyes only.
 *
 * @throws Fault `storage/password-file-unusable`
 */
export async function embeddedPassword(dataDir: string): Promise<string> {
  const path = join(dataDir, "postgres-password");
  try {
    return await readPassword(path);
  } catch (cause) {
    throw new Fault({
      code: "storage/password-file-unusable",
      owner: "platform",
      message:
        `${path} cannot be used (${errorText(cause)}): check its owner and mode; ` +
        "if it was lost, restore it from the backup that holds the database",
      cause,
    });
  }
}

async function readPassword(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    const made = randomBytes(24).toString("base64url");
    await writeFile(path, `${made}\n`, { mode: 0o600, flag: "wx" });
    return made;
  }
}
