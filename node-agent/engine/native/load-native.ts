import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { readAddonNeeds } from "./addon-needs.ts";
import { explainUnfit } from "./explain-unfit.ts";
import { nativeContract, type NativeAddon } from "./native-addon.ts";

export type LoadedNative =
  | { readonly ok: true; readonly addon: NativeAddon }
  /** `absent`: nothing lies there. `unfit`: something does, and this process cannot use it. */
  | { readonly ok: false; readonly why: "absent" | "unfit"; readonly detail: string };

/** Loads the addon out of a file, once a thread; a second time gives the same. */
export function loadNative(file: string): LoadedNative {
  if (!existsSync(file)) return { ok: false, why: "absent", detail: `there is no ${file}` };
  // Looked at first: the system maps half a file as if it were whole, and the process dies of it.
  const needs = readAddonNeeds(readFileSync(file));
  if (needs === undefined) return unfit(`${file} is not a whole addon for Linux`);
  if (needs.arch !== process.arch) {
    return unfit(`${file} is for ${needs.arch}, and this host is ${process.arch}`);
  }
  try {
    const loaded: unknown = createRequire(import.meta.url)(file);
    if (isAddon(loaded)) return { ok: true, addon: loaded };
    return unfit(`${file} was built for another version of the agent: ${contractsOf(loaded)}`);
  } catch (error) {
    return unfit(explainUnfit(file, needs, error));
  }
}

function unfit(detail: string): LoadedNative {
  return { ok: false, why: "unfit", detail };
}

/** Guarantee: an addon that says this contract's number has this face. */
function isAddon(value: unknown): value is NativeAddon {
  return contractOf(value) === nativeContract;
}

function contractsOf(loaded: unknown): string {
  const theirs = contractOf(loaded);
  const said = typeof theirs === "number" ? theirs : "none";
  return `its contract is ${said}, this agent's is ${nativeContract}`;
}

function contractOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "contract" in value
    ? value.contract
    : undefined;
}
