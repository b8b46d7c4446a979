import {
  handshakesPerSecondMax,
  reconnectSpreadMsMax,
  reconnectSpreadMsMin,
} from "#shared/base/limits.ts";
import type { RetrySpread } from "#shared/wire/common.ts";

/**
 * Within which time so many nodes come back, so that their handshakes take two thirds of what is
 * admitted: after a restart they all come at once.
 */
export function reconnectSpread(links: number): RetrySpread {
  const neededMs = (links / handshakesPerSecondMax) * 1_500;
  const maxMs = Math.min(reconnectSpreadMsMax, Math.max(reconnectSpreadMsMin, neededMs));
  return { minMs: 0, maxMs: Math.round(maxMs) };
}
