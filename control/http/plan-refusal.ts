import type { Context } from "hono";

import { plansPerTenantMax } from "#shared/base/limits.ts";

import type { HttpEnv } from "./env.ts";
import type { PlanOutcome } from "./plans.ts";
import { problemAnswer } from "./problem-answer.ts";

/** The problem that it is to a client when no plan is made now. */
export function planRefusal<E extends HttpEnv>(
  c: Context<E>,
  { kind }: Exclude<PlanOutcome, { readonly kind: "planned" }>,
): Response {
  const headers = { "retry-after": "1" };
  switch (kind) {
    case "tenant-full": {
      const detail = `${plansPerTenantMax} plans are being made for this tenant already`;
      return problemAnswer(c, "http/too-many-requests", { detail, headers });
    }
    case "full":
      return problemAnswer(c, "http/busy", { detail: "too many plans are being made", headers });
  }
}
