import { dialAttemptsMax } from "#shared/base/limits.ts";
import { socketPathOf } from "#shared/definition/socket-path.ts";

import type { Candidate } from "../pool/pool-view.ts";

/** Where to connect to for a backend. A name is resolved when connecting. */
export type DialTarget =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export function targetOf({ host, port }: Pick<Candidate, "host" | "port">): DialTarget {
  const path = socketPathOf(host);
  return path === undefined ? { kind: "tcp", host, port } : { kind: "unix", path };
}

/** How a dial failed, and how many the connection has behind it, this one included. */
export interface FailedDial {
  readonly code: string;
  /** No byte of the client has left. */
  readonly mayRetry: boolean;
  readonly attempts: number;
}

export type AfterFailedDial =
  | { readonly kind: "try-another" }
  | { readonly kind: "give-up"; readonly reason: "connect-failed" | "connect-timeout" };

/**
 * A client whose backend cannot be reached gets another one, as long as nothing of it has been sent,
 * at most `dialAttemptsMax` in all. Each attempt has the whole connect timeout.
 */
export function afterFailedDial(dial: FailedDial): AfterFailedDial {
  if (dial.mayRetry && dial.attempts < dialAttemptsMax) return { kind: "try-another" };
  return { kind: "give-up", reason: reasonOf(dial.code) };
}

/** The reason of a connection whose last dial failed with this code. */
export function reasonOf(code: string): "connect-failed" | "connect-timeout" {
  return code === "ETIMEDOUT" ? "connect-timeout" : "connect-failed";
}
