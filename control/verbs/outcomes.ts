import type { Problem } from "#shared/base/problem.ts";

/** Something with this name is there already. */
export interface NameTaken {
  readonly kind: "name-taken";
  readonly name: string;
}

/** Not there, or another tenant's: nobody can tell which. */
export interface NotFound {
  readonly kind: "not-found";
}

/** Everything that is wrong with the input, nothing was stored. */
export interface Invalid {
  readonly kind: "invalid";
  readonly problems: readonly Problem[];
}

/** So much would go that the caller has to say that it is meant; nothing was stored. */
export interface ConfirmationRequired {
  readonly kind: "confirmation-required";
  /** Balancers that would have left the group within the window. */
  readonly removed: number;
  /** Balancers that it would have. */
  readonly left: number;
}

/** The tenant has as many as it may have. */
export interface LimitReached {
  readonly kind: "limit-reached";
  readonly what: "groups" | "api keys" | "join tokens" | "certificates";
  readonly max: number;
}

/** Balancers name it, so that it cannot go. */
export interface InUse {
  readonly kind: "in-use";
  /** Oldest first, at least one. */
  readonly balancers: readonly { readonly id: string; readonly name: string }[];
}

/** The idempotency key was used for another request. */
export interface Mismatch {
  readonly kind: "mismatch";
}

/** The input names a group that the tenant does not have. */
export function noSuchGroup(name: string): Invalid {
  const detail = `there is no group ${JSON.stringify(name)}`;
  return { kind: "invalid", problems: [{ pointer: "/group", code: "unknown-value", detail }] };
}
