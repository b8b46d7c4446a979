import type { CreateEngine, Driver } from "./engine.ts";
import { loadNative } from "./native/load-native.ts";
import { NativeEngine } from "./native/native-engine.ts";
import { nativeAddonFile } from "./native/native-file.ts";
import { createPortableEngine } from "./portable/portable-engine.ts";

/** Which engine the workers of a process run; the addon by its file, which each of them loads. */
export type EngineChoice =
  | { readonly driver: "portable" }
  | { readonly driver: "native"; readonly file: string };

export type ChosenEngine =
  /** `instead` says why the native engine was not taken, where nobody asked for another. */
  | { readonly ok: true; readonly choice: EngineChoice; readonly instead: string | undefined }
  | { readonly ok: false; readonly detail: string };

/**
 * The native engine where it loads, otherwise the portable one; `wanted` forces one of them, and
 * then it is that or none.
 */
export function chooseEngine(wanted: Driver | undefined, file = nativeAddonFile()): ChosenEngine {
  if (wanted === "portable") return portable(undefined);
  const loaded = loadNative(file);
  if (loaded.ok) return { ok: true, choice: { driver: "native", file }, instead: undefined };
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
  if (!loaded.ok) throw new Error(`the native engine cannot be loaded: ${loaded.detail}`);
  const { addon } = loaded;
  return (deps) => new NativeEngine(addon, deps);
}

function portable(instead: string | undefined): ChosenEngine {
  return { ok: true, choice: { driver: "portable" }, instead };
}
