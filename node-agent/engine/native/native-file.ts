import { join } from "node:path";

/** Where the addon for a platform lies, whether it was built here or came with a release. */
export function nativeAddonFile(platform = process.platform, arch = process.arch): string {
  return join(import.meta.dirname, "build", `midstream-${platform}-${arch}.node`);
}
