import { preferWaitMsMax } from "#shared/base/limits.ts";

/**
 * The `wait` of a `Prefer` header (RFC 7240 section 4.3) in milliseconds, bounded; undefined when it
 * is not asked for. Preferences that are not known or not readable are ignored, as the RFC has it.
 */
export function preferredWaitMs(header: string | undefined): number | undefined {
  const wait = header
    ?.split(",")
    .map((part) => /^wait\s*=\s*"?(?<seconds>\d{1,6})"?\s*(;.*)?$/i.exec(part.trim()))
    .find((match) => match !== null);
  const seconds = wait?.groups?.["seconds"];
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1_000, preferWaitMsMax);
}
