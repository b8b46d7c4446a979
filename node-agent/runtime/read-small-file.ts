import { open } from "node:fs/promises";

import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import { agentFileBytesMax } from "#shared/base/limits.ts";

/** The text of a file, or why it cannot be read; its content is never part of that. */
export type ReadFile =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly detail: string };

/** Reads a file of at most `agentFileBytesMax`. */
export async function readSmallFile(path: string): Promise<ReadFile> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(agentFileBytesMax + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > agentFileBytesMax) return { ok: false, detail: `${path} is too big` };
      return { ok: true, value: buffer.toString("utf8", 0, bytesRead) };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { ok: false, detail: `${path}: ${systemErrorCode(error) ?? errorText(error)}` };
  }
}
