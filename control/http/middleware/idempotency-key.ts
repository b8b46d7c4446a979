import { createHash } from "node:crypto";

import type { MiddlewareHandler } from "hono";

import { idempotencyKeyCharsMax } from "#shared/base/limits.ts";

import type { HttpEnv, TenantEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

/**
 * Refuses an `Idempotency-Key` where it would have to be ignored: before there is a tenant nobody's
 * answers can be kept, and what these calls answer is a secret.
 */
export function noIdempotencyKey<E extends HttpEnv>(): MiddlewareHandler<E> {
  return async (c, next) => {
    if (c.req.header("idempotency-key") === undefined) return next();
    const detail = "Idempotency-Key is not taken by this call; send it without, again if need be";
    return problemAnswer(c, "http/bad-header", { detail });
  };
}

const printable = /^[\x21-\x7e]+$/;

/**
 * Hands an `Idempotency-Key` to the verb, with a fingerprint of the request: a call that is sent
 * again under its key is answered again and not done again. Comes after the body was read.
 */
export function idempotencyKey(): MiddlewareHandler<TenantEnv> {
  return async (c, next) => {
    const key = c.req.header("idempotency-key");
    if (key === undefined) return next();
    if (key.length > idempotencyKeyCharsMax || !printable.test(key)) {
      const detail = `Idempotency-Key has 1 to ${idempotencyKeyCharsMax} printable ASCII characters`;
      return problemAnswer(c, "http/bad-header", { detail });
    }
    const { pathname, search } = new URL(c.req.url);
    const fingerprint = createHash("sha256")
      .update(JSON.stringify([c.req.method, pathname, search, c.var.bodyText]))
      .digest("hex");
    c.set("actor", { ...c.var.actor, idempotency: { key, fingerprint } });
    return next();
  };
}
