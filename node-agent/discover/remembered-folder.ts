import { join } from "node:path";

/** Where a node keeps what sources named last, in its data folder. */
export function rememberedFolder(dataFolder: string): string {
  return join(dataFolder, "sources");
}
