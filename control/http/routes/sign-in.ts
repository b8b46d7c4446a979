import type { OpenAPIHono } from "@hono/zod-openapi";

import { parseId } from "#shared/base/ids.ts";
import { retryAfterS } from "#shared/base/limits.ts";

import { logIn, type LogInInput } from "../../verbs/tenant/log-in.ts";
import { signUp } from "../../verbs/tenant/sign-up.ts";
import { moment } from "../../view/moment.ts";
import { checkedBody, logInBodySchema, signUpBodySchema } from "../bodies.ts";
import type { BodyEnv } from "../env.ts";
import type { Guards } from "../guards.ts";
import type { HttpDeps } from "../http-deps.ts";
import { logInOperation, signUpOperation } from "../openapi/access-operations.ts";
import { refusedAnswer } from "../outcome-answers.ts";
import { problemAnswer } from "../problem-answer.ts";
import { createRouter } from "../router.ts";

type Router = OpenAPIHono<BodyEnv>;

const busy = {
  detail: "many passwords are being checked at this moment; try again",
  headers: { "retry-after": String(retryAfterS) },
};

/** `/v1/signup` and `/v1/sessions`: the calls without a key. */
export function signInRoutes(deps: HttpDeps, guards: Guards): Router {
  const router = createRouter<BodyEnv>();
  addSignUp(router, deps, guards);
  addLogIn(router, deps, guards);
  return router;
}

function addSignUp(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...signUpOperation, middleware: guards.signIn }, async (c) => {
    const body = checkedBody(c, signUpBodySchema);
    if (!body.ok) return body.answer;
    const { requestId, address, facts } = c.var;
    const outcome = await signUp(deps.verbs, { ...body.value, requestId, address });
    switch (outcome.kind) {
      case "signed-up": {
        const { tenant, apiKey } = outcome;
        facts.tenant = tenant.id;
        return c.json({ tenant, apiKey }, 201);
      }
      case "invalid":
        return refusedAnswer(c, outcome);
      case "email-taken":
        return problemAnswer(c, "http/email-taken");
      case "busy":
        return problemAnswer(c, "http/busy", busy);
    }
  });
}

function addLogIn(router: Router, deps: HttpDeps, guards: Guards): void {
  router.openapi({ ...logInOperation, middleware: guards.signIn }, async (c) => {
    const body = checkedBody(c, logInBodySchema);
    if (!body.ok) return body.answer;
    const { requestId, address, facts } = c.var;
    const { tenant: tenantText, email, password } = body.value;
    const tenantId = tenantText === undefined ? undefined : parseId("ten", tenantText);
    if (tenantText !== undefined && tenantId === undefined) {
      return problemAnswer(c, "http/sign-in-refused");
    }
    const input: LogInInput = { email, password, requestId, address };
    const outcome = await logIn(
      deps.verbs,
      tenantId === undefined ? input : { ...input, tenantId },
    );
    switch (outcome.kind) {
      case "logged-in": {
        const { tenant, session } = outcome;
        facts.tenant = tenant.id;
        const { id, secret, expiresAtMs } = session;
        return c.json({ tenant, session: { id, secret, expiresAt: moment(expiresAtMs) } }, 201);
      }
      case "refused":
        return problemAnswer(c, "http/sign-in-refused");
      case "busy":
        return problemAnswer(c, "http/busy", busy);
    }
  });
}
