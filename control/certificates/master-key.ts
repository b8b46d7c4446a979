import { createHmac, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { errorText, Fault, systemErrorCode } from "#shared/base/fault.ts";

/** The key that everything in Postgres is sealed under; never stored beside it. */
export interface MasterKey {
  /** Tells keys apart without telling the key: 16 hexadecimal digits. */
  readonly keyId: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Where it came from, for messages. */
  readonly origin: string;
}

/** Where a master key at hand comes from: a file. One that is never at hand is a `KeyKeeper`. */
export interface KeySource {
  load(): Promise<MasterKey>;
}

const keyBytes = 32;

/**
 * The key in a file, 64 hexadecimal digits. Made on the first start, readable by its owner only; of
 * several processes that start at once, one makes it and all use it.
 *
 * `load` throws Fault `certificates/master-key-unreadable` or `certificates/master-key-malformed`.
 */
export function fileKeySource(path: string): KeySource {
  return {
    load: async () => {
      const text = (await existing(path)) ?? (await made(path));
      if (!/^[0-9a-f]{64}$/i.test(text)) throw malformed(path);
      return masterKeyOf(Buffer.from(text, "hex"), path);
    },
  };
}

/** The key with its name; `origin` says where it came from. */
export function masterKeyOf(key: Uint8Array, origin: string): MasterKey {
  const keyId = createHmac("sha256", key).update("midstream master key id").digest("hex");
  return { keyId: keyId.slice(0, 16), key, origin };
}

async function existing(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return undefined;
    throw unreadable(path, "cannot be read", cause);
  }
}

/**
 * Written aside and linked into place: nobody ever reads half a key, and whoever comes second takes
 * the first one's.
 */
async function made(path: string): Promise<string> {
  const text = randomBytes(keyBytes).toString("hex");
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(aside, `${text}\n`);
    await link(aside, path);
    return text;
  } catch (cause) {
    const other = systemErrorCode(cause) === "EEXIST" ? await existing(path) : undefined;
    if (other !== undefined) return other;
    throw unreadable(path, "cannot be made", cause);
  } finally {
    await rm(aside, { force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function unreadable(path: string, what: string, cause: unknown): Fault {
  return new Fault({
    code: "certificates/master-key-unreadable",
    owner: "platform",
    message:
      `the master key file ${path} ${what} (${errorText(cause)}): ` +
      "check its owner and mode, or name another with --master-key-file",
    cause,
  });
}

function malformed(path: string): Fault {
  return new Fault({
    code: "certificates/master-key-malformed",
    owner: "platform",
    message:
      `the master key file ${path} does not hold 64 hexadecimal digits: ` +
      "restore it from a backup, or remove it to have a new one made for an empty database",
  });
}
