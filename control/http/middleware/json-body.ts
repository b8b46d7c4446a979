import type { Context, MiddlewareHandler } from "hono";

import { requestBodyBytesMax } from "#shared/base/limits.ts";

import type { BodyEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";

const jsonType = /^application\/json(;\s*charset="?utf-8"?)?\s*$/i;

/**
 * Reads a JSON body within its limit. Answers 415 for another type or an encoding, 413 for too many
 * bytes (read no further than the limit), 400 for what is not JSON in UTF-8.
 */
export function jsonBody<E extends BodyEnv>(
  options: { readonly optional?: boolean } = {},
): MiddlewareHandler<E> {
  return async (c, next) => {
    const bytes = await bodyBytes(c.req.raw, requestBodyBytesMax);
    if (bytes === "broken-off") return problemAnswer(c, "http/bad-request");
    if (bytes === "too-large") {
      const detail = `a body has at most ${requestBodyBytesMax} bytes`;
      return problemAnswer(c, "http/body-too-large", { detail, headers: { connection: "close" } });
    }
    c.var.facts.bytesIn = bytes.byteLength;
    if (bytes.byteLength === 0 && options.optional === true) {
      c.set("body", {});
      c.set("bodyText", "");
      return next();
    }
    if (!isPlainJson(c)) return problemAnswer(c, "http/unsupported-media-type");
    const parsed = parse(bytes);
    if (parsed === undefined) return problemAnswer(c, "http/body-not-json");
    c.set("body", parsed.value);
    c.set("bodyText", parsed.text);
    return next();
  };
}

function isPlainJson<E extends BodyEnv>(c: Context<E>): boolean {
  const encoding = c.req.header("content-encoding") ?? "identity";
  return encoding === "identity" && jsonType.test(c.req.header("content-type") ?? "");
}

async function bodyBytes(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array | "too-large" | "broken-off"> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return "too-large";
  const body: ReadableStream<Uint8Array> | null = request.body;
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > bytesMax) return "too-large";
      chunks.push(chunk);
    }
  } catch {
    return "broken-off";
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Uint8Array): { readonly value: unknown; readonly text: string } | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return { value, text };
  } catch {
    return undefined;
  }
}
