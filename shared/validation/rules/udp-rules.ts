import { durationMs } from "../../base/duration.ts";
import type { Problem } from "../../base/problem.ts";
import type { Parts } from "../parts.ts";

/** UDP has no close: without an end of some kind every client leaves a session behind for ever. */
export function udpRules({ right }: Parts): readonly Problem[] {
  const { protocol, limits, udp } = right;
  if (protocol !== "udp" || limits === undefined || udp === undefined) return [];
  const ends = [
    durationMs(limits.clientIdleTimeout),
    durationMs(limits.backendIdleTimeout),
    udp.maxRequests,
    udp.maxResponses,
  ];
  if (ends.some((end) => end > 0)) return [];
  const detail =
    "a udp session needs an end: limits.clientIdleTimeout, limits.backendIdleTimeout, " +
    "udp.maxRequests or udp.maxResponses above 0";
  return [{ pointer: "/udp", code: "required", detail }];
}
