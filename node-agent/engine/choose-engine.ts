import type { CreateEngine, Driver } from "./engine.ts";
import { heldAddon } from "./native/held-addon.ts";
import { loadNative } from "./native/load-native.ts";
import { NativeEngine } from "./native/native-engine.ts";
import { nativeAddonFile } from "./native/native-file.ts";
import { createPortableEngine } from "./portable/portable-engine.ts";

/** Which engine the workers of a process run; the addon by a path from which each of them loads it. */
export type EngineChoice =
  | { readonly driver: "portable" }
  | { readonly driver: "native"; readonly file: string };

export type ChosenEngine =
  /** `instead` says why the native engine was not taken, where nobody asked for another. */
  | { readonly ok: true; readonly choice: EngineChoice; readonly instead: string | undefined }
  | { readonly ok: false; readonly detail: string };

/**
 * The native engine where it loads, otherwise the portable one; `wanted` forces one of them, and
 * then it is that or none. The addon stays the one that was chosen, whatever happens to its file:
 * a worker that replaces another one runs what that one ran. To be called once a process, which
 * holds it from then on.
 */
export function chooseEngine(wanted: Driver | undefined, file = nativeAddonFile()): ChosenEngine {
  if (wanted === "portable") return portable(undefined);
  // Held first: what is replaced meanwhile would be another file for each who opens it.
  const held = heldAddon(file);
  const loaded = loadNative(file, held);
  if (loaded.ok) return { ok: true, choice: { driver: "native", file: held }, instead: undefined };
  return wanted === "native" ? { ok: false, detail: loaded.detail } : portable(loaded.detail);
}

/**
 * What makes the engines of a worker.
 *
 * @throws Error when the addon, which loaded when it was chosen, does not any more
 */
export function engineMaker(choice: EngineChoice): CreateEngine {
  if (choice.driver === "portable") return createPortableEngine;
  const loaded = loadNative(choice.file);
  if (!loaded.ok) {
    throw new Error(`the native engine that was chosen cannot be loaded: ${loaded.detail}`);
  }
  const { addon } = loaded;
  return (deps) => new NativeEngine(addon, deps);
}

function portable(instead: string | undefined): ChosenEngine {
  return { ok: true, choice: { driver: "portable" }, instead };
}
