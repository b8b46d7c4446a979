import { Fault } from "./fault.ts";
import type { Branded } from "./ids.ts";
import { durationCharsMax } from "./limits.ts";

/** A duration as it is written, `"1h30m"`, checked: `durationMs` always understands it. */
export type Duration = Branded<string, "Duration">;

const nsPerMs = 1_000_000n;

/** Units as Go writes them; microseconds with the micro sign or the Greek letter. */
const nsPerUnit = {
  ns: 1n,
  us: 1_000n,
  "\u00b5s": 1_000n,
  "\u03bcs": 1_000n,
  ms: nsPerMs,
  s: 1_000n * nsPerMs,
  m: 60_000n * nsPerMs,
  h: 3_600_000n * nsPerMs,
} as const;

/** The shape of a duration, for descriptions of the API. */
export const durationPattern =
  "^\\+?(0|((\\d+\\.?\\d*|\\.\\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$";

const durationShape = new RegExp(durationPattern);
const term = /(?<whole>\d*)\.?(?<fraction>\d*)(?<unit>ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/**
 * Milliseconds of a duration in Go's notation: numbers with a unit (ns, us, µs, ms, s, m, h),
 * decimals and compounds, or a bare `0`; undefined for anything else, negative ones included.
 *
 * What is not a whole number of milliseconds is rounded up: many settings read 0 as "off", and a
 * short time must not turn into never.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text.length > durationCharsMax || !durationShape.test(text)) return undefined;
  let ns = 0n;
  for (const match of text.matchAll(term)) ns += termNs(match.groups);
  const ms = Number((ns + nsPerMs - 1n) / nsPerMs);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

export function isDuration(text: string): text is Duration {
  return parseDurationMs(text) !== undefined;
}

/**
 * Milliseconds of a checked duration, rounded up.
 *
 * @throws Fault `definition/not-a-duration` when the text was never checked
 */
export function durationMs(duration: Duration): number {
  const ms = parseDurationMs(duration);
  if (ms !== undefined) return ms;
  throw notADuration();
}

/**
 * Writes whole milliseconds, 0 or more, as people would: `"0"`, `"500ms"`, `"1.5s"`, `"1h30m"`.
 *
 * @throws Fault `definition/not-a-duration` for any other number
 */
export function formatDuration(ms: number): Duration {
  const text = Number.isSafeInteger(ms) && ms >= 0 ? durationText(ms) : "";
  if (isDuration(text)) return text;
  throw notADuration();
}

function durationText(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const restMs = ms % 60_000;
  const parts = [
    hours > 0 ? `${hours}h` : "",
    minutes > 0 ? `${minutes}m` : "",
    restMs > 0 ? secondsText(restMs) : "",
  ];
  return parts.join("") || "0";
}

function secondsText(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : `${ms / 1_000}s`;
}

function termNs(groups: Record<string, string> | undefined): bigint {
  const fraction = groups?.["fraction"] ?? "";
  const scale = 10n ** BigInt(fraction.length);
  const digits = BigInt(`${groups?.["whole"] ?? ""}${fraction}` || "0");
  const unitNs = isUnit(groups?.["unit"]) ? nsPerUnit[groups["unit"]] : 0n;
  return (digits * unitNs + scale - 1n) / scale;
}

function isUnit(text: string | undefined): text is keyof typeof nsPerUnit {
  return text !== undefined && Object.hasOwn(nsPerUnit, text);
}

function notADuration(): Fault {
  return new Fault({
    code: "definition/not-a-duration",
    owner: "platform",
    message: "a duration reached its use without having been checked",
  });
}
