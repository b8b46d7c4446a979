import { existsSync } from "node:fs";
import { createRequire } from "node:module";

import { errorText } from "#shared/base/fault.ts";

import { nativeContract, type NativeAddon } from "./native-addon.ts";

export type LoadedNative =
  | { readonly ok: true; readonly addon: NativeAddon }
  /** `absent`: nothing lies there. `unfit`: something does, and this process cannot use it. */
  | { readonly ok: false; readonly why: "absent" | "unfit"; readonly detail: string };

/** Loads the addon out of a file, once a thread; a second time gives the same. */
export function loadNative(file: string): LoadedNative {
  if (!existsSync(file)) return { ok: false, why: "absent", detail: `there is no ${file}` };
  try {
    const loaded: unknown = createRequire(import.meta.url)(file);
    if (isAddon(loaded)) return { ok: true, addon: loaded };
    return {
      ok: false,
      why: "unfit",
      detail: `${file} was built for another version of the agent`,
    };
  } catch (error) {
    return { ok: false, why: "unfit", detail: errorText(error) };
  }
}

/** Guarantee: an addon that says this contract's number has this face. */
function isAddon(value: unknown): value is NativeAddon {
  return (
    typeof value === "object" &&
    value !== null &&
    "contract" in value &&
    value.contract === nativeContract
  );
}
