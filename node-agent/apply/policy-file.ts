import { errorText } from "#shared/base/fault.ts";
import { agentFileBytesMax } from "#shared/base/limits.ts";
import type { Problem } from "#shared/base/problem.ts";

import { permissionsOf, type Disk } from "../runtime/disk.ts";
import { checkPolicy, defaultPolicy, type Policy } from "./policy.ts";

export type PolicyFile =
  | {
      readonly ok: true;
      readonly policy: Policy;
      /** False when there is no file, and the default holds. */
      readonly found: boolean;
      /** Others than its owner may change it, and with it what the control plane may do. */
      readonly writableByOthers: boolean;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * The policy in this file. A file that is not there is the default policy, unless it is `required`
 * because somebody named it.
 */
export async function readPolicyFile(
  disk: Disk,
  path: string,
  options: { readonly required: boolean },
): Promise<PolicyFile> {
  const text = await readText(disk, path);
  if (!text.ok) return unreadable(text.detail);
  if (text.value === undefined) {
    if (options.required) return unreadable("there is no such file");
    return { ok: true, policy: defaultPolicy(), found: false, writableByOthers: false };
  }
  const raw = parsed(text.value);
  if (!raw.ok) return unreadable(raw.detail);
  const checked = checkPolicy(raw.value);
  if (!checked.ok) return checked;
  const permissions = await permissionsOf(path);
  const writableByOthers = ((permissions?.mode ?? 0) & 0o022) !== 0;
  return { ok: true, policy: checked.value, found: true, writableByOthers };
}

type Got<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly detail: string };

async function readText(disk: Disk, path: string): Promise<Got<string | undefined>> {
  try {
    return { ok: true, value: await disk.read(path, agentFileBytesMax) };
  } catch (error) {
    return { ok: false, detail: errorText(error) };
  }
}

function parsed(text: string): Got<unknown> {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, detail: `is not JSON: ${errorText(error)}` };
  }
}

function unreadable(detail: string): PolicyFile {
  return { ok: false, problems: [{ pointer: "", code: "unreadable", detail }] };
}
