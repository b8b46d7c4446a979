import type { LookupFunction } from "node:net";

import type { Client, Dispatcher } from "undici";

import { sleep, type Clock } from "#shared/base/clock.ts";
import { lookAgainMs, requestHeaderBytesMax, sourceAnswerBytesMax } from "#shared/base/limits.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";
import { httpFailure } from "./http-failure.ts";
import type { TlsMaterial } from "./tls-material.ts";

/** Whom to ask, and how to reach them. */
export interface HttpPlace {
  /** `http://host:port` or `https://host:port`; with a socket only for the Host header. */
  readonly origin: string;
  /** A Unix socket instead of the origin's address. */
  readonly socketPath?: string;
  /** Turns names into addresses. */
  readonly lookup: LookupFunction;
  readonly tls?: TlsMaterial & {
    /** Instead of comparing the certificate's names: undefined is fine, an error is not. */
    readonly checkServerIdentity?: () => Error | undefined;
  };
}

export interface HttpCall {
  readonly place: HttpPlace;
  readonly method?: "GET" | "POST";
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Bound of the answer's body. */
  readonly bytesMax?: number;
}

export interface HttpAnswer {
  readonly ok: true;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Asks and reads the whole answer, over a connection of its own. Never rejects. */
export async function httpCall(
  call: HttpCall,
  signal: AbortSignal,
): Promise<HttpAnswer | FailedFetch> {
  const { bytesMax = sourceAnswerBytesMax } = call;
  return withClient(call.place, { maxResponseSize: bytesMax, signal }, async (client) => {
    const answer = await client.request({ ...requestOf(call), signal });
    const body = await answer.body.text();
    return { ok: true, status: answer.statusCode, headers: answer.headers, body } as const;
  });
}

/** What is done with an answer that does not end. */
export interface HttpStream {
  /** The answer has begun, with a status of 200 … 299. */
  readonly onBegin: () => void;
  readonly onChunk: (chunk: Buffer) => void;
}

export interface StreamCall {
  readonly clock: Clock;
  readonly call: HttpCall;
}

/**
 * Asks and tells whenever something comes, until the answer ends; resolves with why it did, `ended`
 * when it ended in order. It reads a chunk in `lookAgainMs` at most: a flood waits at its sender.
 * Never rejects.
 */
export async function httpStream(
  { clock, call }: StreamCall,
  stream: HttpStream,
  signal: AbortSignal,
): Promise<FailedFetch> {
  return withClient(call.place, { maxResponseSize: -1, signal }, async (client) => {
    const answer = await client.request({ ...requestOf(call), signal });
    const bad = badStatus(answer.statusCode, call.place);
    if (bad !== undefined) return bad;
    stream.onBegin();
    const chunks: AsyncIterable<unknown> = answer.body;
    for await (const chunk of chunks) {
      // Never anything else: no encoding was set.
      if (Buffer.isBuffer(chunk)) stream.onChunk(chunk);
      await sleep(clock, lookAgainMs, signal);
    }
    return failedFetch("ended", `${placeName(call.place)}: the stream ended`);
  });
}

/** The failure that a status outside 200 … 299 is. */
export function badStatus(status: number, place: HttpPlace): FailedFetch | undefined {
  if (status >= 200 && status <= 299) return undefined;
  return failedFetch("bad-status", `${placeName(place)}: status ${status}`);
}

/** The body as JSON, when the status says that it is what was asked for. */
export function jsonBody(
  answer: HttpAnswer,
  place: HttpPlace,
): { readonly ok: true; readonly value: unknown } | FailedFetch {
  const bad = badStatus(answer.status, place);
  if (bad !== undefined) return bad;
  try {
    return { ok: true, value: JSON.parse(answer.body) };
  } catch {
    // The parser's message quotes the body.
    return failedFetch("bad-answer", `${placeName(place)}: the answer is not JSON`);
  }
}

/** How a place is called in messages. */
export function placeName({
  origin,
  socketPath,
}: Pick<HttpPlace, "origin" | "socketPath">): string {
  return socketPath ?? new URL(origin).host;
}

interface ClientBounds {
  readonly maxResponseSize: number;
  readonly signal: AbortSignal;
}

async function withClient<T>(
  place: HttpPlace,
  { maxResponseSize, signal }: ClientBounds,
  use: (client: Client) => Promise<T>,
): Promise<T | FailedFetch> {
  try {
    // Times are bounded by the signal, all of them together.
    const noTimes = { headersTimeout: 0, bodyTimeout: 0 };
    // Loaded by whoever asks first: an agent whose backends are static starts without it.
    const undici = await import("undici");
    const client = new undici.Client(place.origin, {
      ...noTimes,
      maxResponseSize,
      maxHeaderSize: requestHeaderBytesMax,
      connect: {
        timeout: 0,
        lookup: place.lookup,
        ...place.tls,
        ...(place.socketPath === undefined ? {} : { socketPath: place.socketPath }),
      },
    });
    try {
      return await use(client);
    } finally {
      await client.destroy();
    }
  } catch (error) {
    return httpFailure(error, placeName(place), signal);
  }
}

function requestOf(call: HttpCall): Dispatcher.RequestOptions {
  const { method = "GET", path, headers = {}, body } = call;
  return { method, path, headers: { ...headers }, ...(body === undefined ? {} : { body }) };
}
