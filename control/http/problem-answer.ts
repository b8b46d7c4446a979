import type { Context } from "hono";

import type { Problem } from "#shared/base/problem.ts";
import { boundedProblems } from "#shared/validation/problem-list.ts";

import type { HttpEnv } from "./env.ts";
import { problemKinds, type ProblemCode } from "./problem-kinds.ts";

/** An error as RFC 9457 has it, with a stable `code` and the problems of the input, bounded. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly requestId: string;
  readonly errors: readonly Problem[];
}

export interface ProblemDetails {
  /** What is wrong with this request; the kind's title unless given. */
  readonly detail?: string;
  readonly errors?: readonly Problem[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request that went wrong: `application/problem+json`. */
export function problemAnswer<E extends HttpEnv>(
  c: Context<E>,
  code: ProblemCode,
  details: ProblemDetails = {},
): Response {
  const kind = problemKinds[code];
  const { requestId, facts } = c.var;
  facts.problem = code;
  const document: ProblemDocument = {
    type: `urn:midstream:problem:${code.replace("/", ":")}`,
    title: kind.title,
    status: kind.status,
    code,
    detail: details.detail ?? kind.title,
    requestId,
    errors: boundedProblems(details.errors ?? []),
  };
  return new Response(JSON.stringify(document), {
    status: kind.status,
    headers: { "content-type": "application/problem+json", ...details.headers },
  });
}
