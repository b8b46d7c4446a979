import { join } from "node:path";

import { buildNative } from "../../node-agent/engine/native/native-build.ts";
import { nativeAddonFile } from "../../node-agent/engine/native/native-file.ts";
import { outputOf } from "./run-command.ts";

export type SanitizedSearch =
  /** `environment` is for a process that is to load the addon. */
  | { readonly kind: "found"; readonly environment: Readonly<Record<string, string>> }
  | { readonly kind: "none"; readonly why: string };

/** The native engine with AddressSanitizer and UndefinedBehaviorSanitizer; what they find is fatal. */
export async function findSanitized(): Promise<SanitizedSearch> {
  const built = await buildNative({
    sanitize: true,
    compiler: "g++",
    file: `${nativeAddonFile()}.sanitized.node`,
  });
  if (built.kind === "failed") {
    throw new Error(`the native engine does not build:\n${built.output}`);
  }
  if (built.kind === "no-compiler") return { kind: "none", why: "no g++" };
  if (built.kind === "no-headers") return { kind: "none", why: "no headers of Node" };
  const libraries = await Promise.all(
    ["libasan.so", "libubsan.so"].map(async (name) =>
      (await outputOf(["g++", `-print-file-name=${name}`])).trim(),
    ),
  );
  return {
    kind: "found",
    environment: {
      LD_PRELOAD: libraries.map((file) => join(file)).join(":"),
      // Node itself leaves memory to the system when it ends.
      ASAN_OPTIONS: "detect_leaks=0:halt_on_error=1:abort_on_error=1",
      UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
      MIDSTREAM_NATIVE_ADDON: built.file,
    },
  };
}
