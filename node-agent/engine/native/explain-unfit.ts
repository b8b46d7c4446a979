import { errorText } from "#shared/base/fault.ts";

import { isNewerVersion, type AddonNeeds } from "./addon-needs.ts";

/** Why this process could not load an addon, in one line. The system's own words are the last resort. */
export function explainUnfit(file: string, { glibc }: AddonNeeds, error: unknown): string {
  const here = glibcVersion();
  if (glibc !== undefined && (here === undefined || isNewerVersion(glibc, here))) {
    return `${file} needs glibc ${glibc}, and this host has ${here ?? "another C library"}`;
  }
  return errorText(error).split("\n", 1).join("");
}

/** Of the C library that this process runs on; undefined when that is another one. */
function glibcVersion(): string | undefined {
  const said: unknown = process.report.getReport();
  if (typeof said !== "object" || said === null || !("header" in said)) return undefined;
  const { header } = said;
  if (typeof header !== "object" || header === null) return undefined;
  if (!("glibcVersionRuntime" in header)) return undefined;
  const { glibcVersionRuntime } = header;
  return typeof glibcVersionRuntime === "string" ? glibcVersionRuntime : undefined;
}
