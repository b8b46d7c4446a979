import type { Context } from "hono";

import { plansPerTenantMax } from "#shared/base/limits.ts";

import type { HttpEnv } from "./env.ts";
import { problemAnswer } from "./problem-answer.ts";
import type { RoomRefusal } from "./question-room.ts";

/** The problem that it is to a client when nodes are not asked now. */
export function roomRefusal<E extends HttpEnv>(c: Context<E>, { kind }: RoomRefusal): Response {
  const headers = { "retry-after": "1" };
  switch (kind) {
    case "tenant-full": {
      const detail = `${plansPerTenantMax} questions of this tenant are put to nodes already`;
      return problemAnswer(c, "http/too-many-requests", { detail, headers });
    }
    case "full":
      return problemAnswer(c, "http/busy", {
        detail: "too many questions are put to nodes",
        headers,
      });
  }
}
