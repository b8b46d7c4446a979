import type { CreateEngine } from "../../node-agent/engine/engine.ts";
import { loadNative } from "../../node-agent/engine/native/load-native.ts";
import type { NativeAddon } from "../../node-agent/engine/native/native-addon.ts";
import { buildNative } from "../../node-agent/engine/native/native-build.ts";
import { NativeEngine } from "../../node-agent/engine/native/native-engine.ts";
import { nativeAddonFile } from "../../node-agent/engine/native/native-file.ts";
import { FakeClock } from "./fake-clock.ts";

export type NativeSearch =
  | { readonly kind: "found"; readonly file: string; readonly create: CreateEngine }
  | { readonly kind: "none"; readonly why: string };

/**
 * The native engine as these sources make it; not there on a host without a C++ compiler. With
 * MIDSTREAM_TEST_SANITIZE it is the one with sanitizers, and the process has to preload theirs.
 */
export async function findNative(): Promise<NativeSearch> {
  const sanitize = process.env["MIDSTREAM_TEST_SANITIZE"] === "1";
  const file = nativeAddonFile();
  const built = await buildNative(sanitize ? { sanitize, file: `${file}.sanitized.node` } : {});
  switch (built.kind) {
    case "no-compiler":
      return { kind: "none", why: `no C++ compiler (${built.tried.join(", ")})` };
    case "no-headers":
      return { kind: "none", why: `no headers of Node in ${built.tried.join(", ")}` };
    case "failed":
      throw new Error(`the native engine does not build:\n${built.output}`);
    case "built":
    case "up-to-date": {
      const loaded = loadNative(built.file);
      if (!loaded.ok) throw new Error(loaded.detail);
      return { kind: "found", file: built.file, create: createOn(loaded.addon) };
    }
  }
}

/** The addon keeps a copy of the time, so a clock that jumps has to tell it. */
function createOn(addon: NativeAddon): CreateEngine {
  return (deps) => {
    const engine = new NativeEngine(addon, deps);
    if (deps.clock instanceof FakeClock) deps.clock.onMove(() => engine.tick());
    return engine;
  };
}
