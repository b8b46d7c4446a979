import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { errorText } from "#shared/base/fault.ts";

import { readAddonNeeds, type AddonNeeds } from "./addon-needs.ts";
import { explainUnfit } from "./explain-unfit.ts";
import { nativeContract, type NativeAddon } from "./native-addon.ts";

export type LoadedNative =
  | { readonly ok: true; readonly addon: NativeAddon }
  /** `absent`: nothing lies there. `unfit`: something does, and this process cannot use it. */
  | { readonly ok: false; readonly why: "absent" | "unfit"; readonly detail: string };

/**
 * Loads the addon out of a file, by the path that holds it where it is held. What went wrong is told in
 * one line; it does not throw.
 */
export function loadNative(file: string, path = file): LoadedNative {
  if (!existsSync(path)) return { ok: false, why: "absent", detail: `there is no ${file}` };
  // Looked at first: the system maps half a file as if it were whole, and the process dies of it.
  const bytes = readAddon(file, path);
  if (typeof bytes === "string") return unfit(bytes);
  const needs = readAddonNeeds(bytes);
  if (needs === undefined) return unfit(`${file} is not a whole addon for Linux`);
  if (needs.arch !== process.arch) {
    return unfit(`${file} is for ${needs.arch}, and this host is ${process.arch}`);
  }
  return mapped({ file, path }, needs);
}

/** What the path leads to, or why it cannot be read. */
function readAddon(file: string, path: string): Buffer | string {
  try {
    return readFileSync(path);
  } catch (error) {
    return `${file} cannot be read: ${errorText(error)}`;
  }
}

/** Not by `require`: that resolves links, and a held addon may have no name left. */
function mapped(
  { file, path }: { readonly file: string; readonly path: string },
  needs: AddonNeeds,
): LoadedNative {
  const loaded: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(loaded, resolve(path));
  } catch (error) {
    return unfit(explainUnfit(file, needs, error).replaceAll(path, file));
  }
  if (isAddon(loaded.exports)) return { ok: true, addon: loaded.exports };
  const contracts = contractsOf(loaded.exports);
  return unfit(`${file} was built for another version of the agent: ${contracts}`);
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
