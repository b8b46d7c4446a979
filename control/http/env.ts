import type { HttpBindings } from "@hono/node-server";

import type { Actor } from "../verbs/actor.ts";

/**
 * What the wide event of a request may say besides what every request has. Filled on the way;
 * never a secret, never a body.
 */
export interface RequestFacts {
  tenant?: string;
  key?: string;
  /** The problem's code when the answer is one. */
  problem?: string;
  /** What nobody expected: then the line is an error. */
  error?: unknown;
  /** What stood in the way for a moment: then the line is a warning. */
  cause?: unknown;
  bytesIn?: number;
}

/** Set for every request, before a route is looked for. */
export interface RequestVariables {
  requestId: string;
  /** The client's address, behind trusted proxies too; empty when no socket was there. */
  address: string;
  facts: RequestFacts;
  /** Gives its place among the requests at work to another: from now on this one only waits. */
  leaveRoom: () => void;
}

/** Hono's types for every call. */
export interface HttpEnv {
  /** Absent when a test asks the app without a socket. */
  Bindings: Partial<HttpBindings>;
  Variables: RequestVariables;
}

/** Hono's types for a call that may have a body. */
export interface BodyEnv extends HttpEnv {
  Variables: RequestVariables & {
    /** Parsed, not checked; an empty object when the call needs no body and none came. */
    body: unknown;
    /** As it came, for fingerprints. */
    bodyText: string;
  };
}

/** Hono's types for a call in a tenant's name. */
export interface TenantEnv extends BodyEnv {
  Variables: BodyEnv["Variables"] & { actor: Actor };
}
