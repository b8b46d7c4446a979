import type { Context } from "hono";

import { controlTimeHeader } from "#shared/wire/protocol.ts";

import type { NodeRefusal } from "../../node-rows.ts";
import type { BodyEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

/** Tells a node why its signed request is refused. */
export function nodeRefusal(c: Context<BodyEnv>, why: NodeRefusal): Response {
  switch (why.kind) {
    case "unauthenticated":
      return problemAnswer(c, "http/node-unauthenticated");
    case "clock-skew": {
      const headers = { [controlTimeHeader]: String(why.controlTimeMs) };
      return problemAnswer(c, "http/node-clock-skew", { headers });
    }
    case "unauthorized":
      return problemAnswer(c, "http/node-unauthorized");
    case "retired":
      return problemAnswer(c, "http/node-retired");
    case "replaced":
      return problemAnswer(c, "http/node-replaced");
  }
}
