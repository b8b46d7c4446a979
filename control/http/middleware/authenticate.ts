import type { MiddlewareHandler } from "hono";

import type { VerbDeps } from "../../verbs/actor.ts";
import { authenticate as whoseSecret } from "../../verbs/api-key/authenticate.ts";
import type { TenantEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

const bearer = /^Bearer +(?<secret>[\w~+/.=-]{1,200}) *$/i;

/** Finds out in whose name a call is made (RFC 6750); without a valid secret the answer is 401. */
export function authenticate(deps: Pick<VerbDeps, "database">): MiddlewareHandler<TenantEnv> {
  return async (c, next) => {
    const header = c.req.header("authorization");
    if (header === undefined) {
      return problemAnswer(c, "http/unauthenticated", { headers: challenge("") });
    }
    const secret = bearer.exec(header)?.groups?.["secret"];
    const owner = secret === undefined ? undefined : await whoseSecret(deps, secret);
    if (owner === undefined) {
      const detail = "the API key is not known, was revoked, or is over";
      return problemAnswer(c, "http/unauthenticated", {
        detail,
        headers: challenge(', error="invalid_token"'),
      });
    }
    const { requestId, address, facts } = c.var;
    facts.tenant = owner.tenantId;
    facts.key = owner.keyId;
    c.set("actor", { ...owner, requestId, address });
    return next();
  };
}

function challenge(rest: string): Readonly<Record<string, string>> {
  return { "www-authenticate": `Bearer realm="midstream"${rest}` };
}
