import type { Backend } from "#shared/definition/backend.ts";
import type { BackendState } from "#shared/definition/managed-backend.ts";

/** A backend, and what it is there for by the word of whoever manages it. */
export interface DirectedBackend extends Backend {
  /** `enabled` unless given: anything else gets no new connections. */
  readonly state?: BackendState;
  /** While it is draining: the time that its open connections have, in milliseconds. */
  readonly drainMs?: number;
}

/** Whether it may get new connections, as far as it is for its manager to say. */
export function isEnabled({
  state = "enabled",
}: {
  readonly state?: BackendState | undefined;
}): boolean {
  return state === "enabled";
}
