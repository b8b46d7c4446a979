import type { Context } from "hono";

import { pointerOf } from "#shared/base/problem.ts";

import type { BackendTaken } from "../verbs/backend/write.ts";
import type { Stale } from "../verbs/expected.ts";
import type {
  ConfirmationRequired,
  InUse,
  Invalid,
  LimitReached,
  Mismatch,
  NameTaken,
  NotFound,
} from "../verbs/outcomes.ts";
import type { Page } from "../verbs/page.ts";
import { entityTag } from "./entity-tag.ts";
import type { HttpEnv } from "./env.ts";
import { problemAnswer } from "./problem-answer.ts";

/** What verbs answer when they did not do it. */
export type RefusedOutcome =
  | BackendTaken
  | ConfirmationRequired
  | InUse
  | Invalid
  | LimitReached
  | Mismatch
  | NameTaken
  | NotFound
  | Stale;

/** The problem that a verb's refusal is to a client. */
export function refusedAnswer<E extends HttpEnv>(c: Context<E>, outcome: RefusedOutcome): Response {
  switch (outcome.kind) {
    case "backend-taken": {
      const detail = `${outcome.backend} is a managed backend already: change it with PATCH`;
      return problemAnswer(c, "http/conflict", { detail });
    }
    case "confirmation-required": {
      const { removed, left } = outcome;
      const detail =
        `${removed} of the ${removed + left} balancers that the group had a short time ago ` +
        "would be gone; if that is meant, repeat the call with ?confirm=shrink";
      return problemAnswer(c, "http/confirmation-required", { detail });
    }
    case "in-use":
      return inUseAnswer(c, outcome);
    case "invalid":
      return problemAnswer(c, "http/invalid", { errors: outcome.problems });
    case "limit-reached": {
      const detail = `there are ${outcome.max} ${outcome.what} already, which is the most`;
      return problemAnswer(c, "http/limit-reached", { detail });
    }
    case "mismatch":
      return problemAnswer(c, "http/idempotency-mismatch");
    case "name-taken": {
      const detail = `${JSON.stringify(outcome.name)} is the name of another one`;
      const errors = [{ pointer: pointerOf(["name"]), code: "conflict", detail }];
      return problemAnswer(c, "http/name-taken", { detail, errors });
    }
    case "not-found":
      return problemAnswer(c, "http/not-found");
    case "stale": {
      const etag = entityTag(outcome);
      const detail = `its ETag is ${etag} now`;
      return problemAnswer(c, "http/stale", { detail, headers: { etag } });
    }
  }
}

/** Users that the text names; how many more there are it says. */
const usersNamedMax = 5;

function inUseAnswer<E extends HttpEnv>(c: Context<E>, { balancers }: InUse): Response {
  const named = balancers.slice(0, usersNamedMax).map(({ id, name }) => `${name} (${id})`);
  const more = balancers.length - named.length;
  const others = more === 0 ? "" : ` and ${more} more`;
  const detail = `it is used by ${named.join(", ")}${others}: change or remove what uses it first`;
  const errors = [{ pointer: "", code: "conflict", detail }];
  return problemAnswer(c, "http/in-use", { detail, errors });
}

/** A part of a list, each item shaped. */
export function pageAnswer<E extends HttpEnv, T>(
  c: Context<E>,
  page: Page<T>,
  shape: (item: T) => object,
): Response {
  if (page.kind === "bad-cursor") return problemAnswer(c, "http/bad-cursor");
  return c.json({ items: page.items.map(shape), nextCursor: page.nextCursor });
}
