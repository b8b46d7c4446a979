import type { Context } from "hono";

import type { Expected } from "../verbs/expected.ts";
import { readIfMatch } from "./entity-tag.ts";
import type { HttpEnv } from "./env.ts";

/** A tag that is not ours is stale whatever the balancer is: no revision has its number. */
const neverRight = { rev: -1, hash: "00000000" };

/** What the client says it changes (`If-Match`); undefined when it says nothing. */
export function expectedOf<E extends HttpEnv>(c: Context<E>): Expected | undefined {
  const ifMatch = readIfMatch(c.req.header("if-match"));
  switch (ifMatch.kind) {
    case "tag":
      return ifMatch.tag;
    case "any":
      return "any";
    case "foreign":
      return neverRight;
    case "missing":
      return undefined;
  }
}
