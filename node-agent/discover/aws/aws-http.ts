import type { LookupFunction } from "node:net";

import { failedFetch, type FailedFetch } from "../discovery.ts";
import { httpCall } from "../http/http-source.ts";

/** A request as AWS' clients make it, as far as they make it here. */
interface AwsRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface AwsAnswer {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, unknown>>;
    readonly body: Uint8Array;
  };
}

/** No answer came: thrown through AWS' client, which has its own answers only. */
export class AwsCallFailed extends Error {
  override readonly name = "AwsCallFailed";
  readonly failure: FailedFetch;

  constructor(failure: FailedFetch) {
    super(failure.code);
    this.failure = failure;
  }
}

/** Carries the requests of AWS' clients as all sources are asked: bounded, one connection each. */
export class AwsHttp {
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #lookup: LookupFunction;
  readonly #signal: AbortSignal;

  constructor(lookup: LookupFunction, signal: AbortSignal) {
    this.#lookup = lookup;
    this.#signal = signal;
  }

  /** @throws AwsCallFailed when nothing was answered */
  async handle(request: AwsRequest): Promise<AwsAnswer> {
    const { protocol, hostname, port, path, headers, body } = request;
    const origin = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
    // Both are made anew for whoever is asked.
    const { host: _, "content-length": __, ...own } = headers;
    const call = {
      place: { origin, lookup: this.#lookup },
      method: request.method === "POST" ? ("POST" as const) : ("GET" as const),
      path,
      headers: own,
      ...(body === undefined || body === null ? {} : { body: textOf(body) }),
    };
    const answer = await httpCall(call, this.#signal);
    if (!answer.ok) throw new AwsCallFailed(answer);
    const { status: statusCode } = answer;
    // What a server says that is broken is in no form that the client knows.
    if (statusCode >= 500) throw new AwsCallFailed(brokenServer(answer.status, hostname));
    return { response: { statusCode, headers: answer.headers, body: Buffer.from(answer.body) } };
  }
}

function brokenServer(status: number, hostname: string): FailedFetch {
  return failedFetch("bad-status", `${hostname}: status ${status}`);
}

/** @throws TypeError for a body that is neither text nor bytes: nothing here sends one */
function textOf(body: unknown): string {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  throw new TypeError("the body of a request is neither text nor bytes");
}
