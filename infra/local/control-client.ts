import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

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
  /** @throws the system's error when the control plane cannot be reached. */
  call<Answer>(request: ApiRequest<Answer>): Promise<ApiOutcome<Answer>>;
  /** @throws Fault `local/refused` when the answer is not a success. */
  demand<Answer>(request: ApiRequest<Answer>): Promise<Answer>;
}

/** A client of the control plane at `url`, with the key of a tenant or none. */
export function controlClient(url: string, key: string | undefined): ControlClient {
  return {
    call: (call) => ask(url, key, call),
    demand: async (call) => {
      const outcome = await ask(url, key, call);
      if (outcome.ok) return outcome.answer;
      throw new Fault({
        code: "local/refused",
        owner: "platform",
        message: `${call.method} ${call.path} was answered with ${outcome.status}: ${outcome.problem}`,
      });
    },
  };
}

/** With node:http, because fetch refuses some ports that a control plane may well listen on (6000, say). */
async function ask<Answer>(
  url: string,
  key: string | undefined,
  call: ApiRequest<Answer>,
): Promise<ApiOutcome<Answer>> {
  const sent = request(new URL(call.path, url), {
    method: call.method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      ...call.headers,
    },
    signal: AbortSignal.timeout(answerMsMax),
  });
  sent.end(call.body === undefined ? "" : JSON.stringify(call.body));
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("error", reject);
  });
  const body = await text(response);
  const status = response.statusCode ?? 0;
  if (status >= 300) return { ok: false, status, problem: body };
  const answer = call.answer.parse(JSON.parse(body));
  return { ok: true, answer, etag: response.headers.etag ?? "" };
}
