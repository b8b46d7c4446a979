import type { Ratio } from "../measure/ratio-interval.ts";
import type { Spread } from "../measure/statistics.ts";

/** Three digits that mean something, and thousands set apart. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1_000) return Number(value.toPrecision(3)).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

/** `median (min–max)`; the median alone when that is all there is. */
export function spreadText({ median, min, max }: Spread): string {
  if (min === max) return shortNumber(median);
  return `${shortNumber(median)} (${shortNumber(min)}–${shortNumber(max)})`;
}

/** `ratio [low–high]`; a dash when there is nothing to divide by. */
export function ratioText({ ratio, low, high }: Ratio): string {
  if (!Number.isFinite(ratio)) return "–";
  const interval = low === high ? "" : ` [${low.toFixed(2)}–${high.toFixed(2)}]`;
  return `${ratio.toFixed(2)}${interval}`;
}
