import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";

import type { BodyEnv, HttpEnv } from "./http/env.ts";
import { errorResponse } from "./http/error-response.ts";
import { createGuards } from "./http/guards.ts";
import { viewsOf, type HttpDeps } from "./http/http-deps.ts";
import { admission, deadline } from "./http/middleware/admission.ts";
import { clientAddress } from "./http/middleware/client-address.ts";
import { methodNotAllowed } from "./http/middleware/method-not-allowed.ts";
import { noStore } from "./http/middleware/no-store.ts";
import { requestId } from "./http/middleware/request-id.ts";
import { requestLog } from "./http/middleware/request-log.ts";
import { docsPage } from "./http/openapi/docs-page.ts";
import { addDocument } from "./http/openapi/document.ts";
import { Plans } from "./http/plans.ts";
import { problemAnswer } from "./http/problem-answer.ts";
import { QuestionRoom } from "./http/question-room.ts";
import { createRouter } from "./http/router.ts";
import { apiKeyRoutes } from "./http/routes/api-keys.ts";
import { auditRoutes } from "./http/routes/audit.ts";
import { backendRoutes } from "./http/routes/backends.ts";
import { balancerRoutes } from "./http/routes/balancers.ts";
import { certificateRoutes } from "./http/routes/certificates.ts";
import { eventRoutes } from "./http/routes/events.ts";
import { groupRoutes } from "./http/routes/groups.ts";
import { healthRoutes } from "./http/routes/health.ts";
import { joinTokenRoutes } from "./http/routes/join-tokens.ts";
import { meRoutes } from "./http/routes/me.ts";
import { nodeRoutes } from "./http/routes/nodes.ts";
import { planRoutes } from "./http/routes/plans.ts";
import { platformRoutes } from "./http/routes/platform.ts";
import { revisionRoutes } from "./http/routes/revisions.ts";
import { signInRoutes } from "./http/routes/sign-in.ts";
import { trafficRoutes } from "./http/routes/traffic.ts";
import { ServingWaits } from "./http/serving-waits.ts";

/**
 * The whole HTTP face of the control plane: what every request passes, then the routes. `agentCalls`
 * are the calls of nodes, which authenticate in their own way.
 */
export function createApp(deps: HttpDeps, agentCalls: Hono<BodyEnv>): OpenAPIHono<HttpEnv> {
  const app = createRouter<HttpEnv>();
  const { clock, limits } = deps;
  app.use(requestId(deps.newRequestId));
  app.use(clientAddress(deps.trustedProxies));
  app.use(requestLog(deps));
  app.use(secureHeaders(apiPolicy));
  app.use(noStore());
  app.use(admission(limits.requestsInFlightMax));
  app.use(deadline(clock, limits.answerMsMax));
  app.use(methodNotAllowed(app));
  addRoutes(app, deps);
  app.route("/", agentCalls);
  app.route("/", docsPage());
  addDocument(app);
  app.notFound((c) => problemAnswer(c, "http/unknown-route"));
  app.onError((error, c) => errorResponse(error, c));
  return app;
}

/**
 * Answers are data: a browser that shows one loads nothing and runs nothing. A page sets its own.
 * HTTPS is announced by who terminates it for a name that only they know.
 */
const apiPolicy = {
  overwrite: false,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  strictTransportSecurity: false,
  xFrameOptions: "DENY",
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
};

function addRoutes(app: OpenAPIHono<HttpEnv>, deps: HttpDeps): void {
  const guards = createGuards(deps);
  const room = new QuestionRoom(deps);
  const plans = new Plans({ verbs: deps.verbs, room });
  const writes = { ...deps, waits: new ServingWaits(viewsOf(deps)), plans, room };
  app.route("/", platformRoutes(deps));
  app.route("/", signInRoutes(deps, guards));
  app.route("/", meRoutes(deps, guards));
  app.route("/", apiKeyRoutes(deps, guards));
  app.route("/", joinTokenRoutes(deps, guards));
  app.route("/", groupRoutes(deps, guards));
  app.route("/", balancerRoutes(writes, guards));
  app.route("/", backendRoutes(writes, guards));
  app.route("/", certificateRoutes(writes, guards));
  app.route("/", planRoutes(writes, guards));
  app.route("/", healthRoutes(writes, guards));
  app.route("/", trafficRoutes(deps, guards));
  app.route("/", nodeRoutes(deps, guards));
  app.route("/", eventRoutes(deps, guards));
  app.route("/", revisionRoutes(writes, guards));
  app.route("/", auditRoutes(deps, guards));
}
