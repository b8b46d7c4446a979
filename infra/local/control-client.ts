import type { z } from "zod";

import { Fault } from "#shared/base/fault.ts";

const answerMsMax = 20_000;

export interface ApiRequest<Answer> {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What of the answer is read. */
  readonly answer: z.ZodType<Answer>;
}

/** An answer below 300, read, or the status of a refusal with its text. */
export type ApiOutcome<Answer> =
  | { readonly ok: true; readonly answer: Answer; readonly etag: string }
  | { readonly ok: false; readonly status: number; readonly problem: string };

/** Speaks to the control plane's public API as any tenant would. */
export interface ControlClient {
  /** @throws TypeError when the control plane cannot be reached. */
  call<Answer>(request: ApiRequest<Answer>): Promise<ApiOutcome<Answer>>;
  /** @throws Fault `local/refused` when the answer is not a success. */
  demand<Answer>(request: ApiRequest<Answer>): Promise<Answer>;
}

/** A client of the control plane at `url`, with the key of a tenant or none. */
export function controlClient(url: string, key: string | undefined): ControlClient {
  const call = <Answer>(request: ApiRequest<Answer>) => ask(url, key, request);
  return {
    call,
    demand: async (request) => {
      const outcome = await call(request);
      if (outcome.ok) return outcome.answer;
      throw new Fault({
        code: "local/refused",
        owner: "platform",
        message: `${request.method} ${request.path} was answered with ${outcome.status}: ${outcome.problem}`,
      });
    },
  };
}

async function ask<Answer>(
  url: string,
  key: string | undefined,
  request: ApiRequest<Answer>,
): Promise<ApiOutcome<Answer>> {
  const response = await fetch(new URL(request.path, url), {
    method: request.method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
    },
    signal: AbortSignal.timeout(answerMsMax),
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  const text = await response.text();
  if (!response.ok) return { ok: false, status: response.status, problem: text };
  const answer = request.answer.parse(JSON.parse(text));
  return { ok: true, answer, etag: response.headers.get("etag") ?? "" };
}
