import type { HttpBindings } from "@hono/node-server";

/**
 * What the wide event of a request may say besides what every request has. Filled on the way;
 * never a secret, never a body.
 */
export interface RequestFacts {
  tenant?: string;
  key?: string;
  /** The problem's code when the answer is one. */
  problem?: string;
  /** Only for what nobody expected: then the line is an error. */
  error?: unknown;
  bytesIn?: number;
}

/** Set for every request, before a route is looked for. */
export interface RequestVariables {
  requestId: string;
  /** The client's address, behind trusted proxies too; empty when no socket was there. */
  address: string;
  facts: RequestFacts;
}

/** Hono's types for a call that needs no key. */
export interface HttpEnv {
  /** Absent when a test asks the app without a socket. */
  Bindings: Partial<HttpBindings>;
  Variables: RequestVariables;
}
