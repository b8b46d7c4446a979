import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

import { errorText, Fault, systemErrorCode } from "#shared/base/fault.ts";

const inflate = promisify(gunzip);

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
  /** For the whole call. */
  readonly timeoutMs: number;
  /** Of the answer, both as it comes and inflated. */
  readonly bytesMax: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/**
 * One bounded HTTP request. Redirects are not followed: a signed header is for one address.
 *
 * @throws Fault `control-link/unreachable`, `/timeout`, `/answer-too-big` or `/bad-encoding`
 */
export async function httpCall(call: HttpCall): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(call.timeoutMs);
  try {
    const message = await sent(call, signal);
    const bytes = await received(message, call.bytesMax);
    const body = await decoded(bytes, message.headers["content-encoding"], call.bytesMax);
    return { status: message.statusCode ?? 0, headers: flat(message), body };
  } catch (cause) {
    throw callFault(call, cause, signal.aborted);
  }
}

function sent(call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
  const request = call.url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(call.url, {
      method: call.method,
      headers: {
        "accept-encoding": "gzip",
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        ...call.headers,
      },
      agent: false,
      signal,
      ...(call.ca === undefined ? {} : { ca: call.ca }),
    });
    outgoing.once("error", reject);
    outgoing.once("response", resolve);
    outgoing.end(call.body);
  });
}

async function received(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooBig(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function decoded(
  bytes: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<string> {
  if (encoding === undefined || encoding === "identity") return bytes.toString("utf8");
  if (encoding !== "gzip") throw badEncoding(encoding);
  try {
    return (await inflate(bytes, { maxOutputLength: bytesMax })).toString("utf8");
  } catch (cause) {
    throw systemErrorCode(cause) === "ERR_BUFFER_TOO_LARGE"
      ? tooBig(bytesMax)
      : badEncoding("gzip", cause);
  }
}

function flat(message: IncomingMessage): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
}

function tooBig(bytesMax: number): Fault {
  const message = `the control plane's answer has more than ${bytesMax} bytes`;
  return new Fault({ code: "control-link/answer-too-big", owner: "platform", message });
}

function badEncoding(encoding: string, cause?: unknown): Fault {
  const message = `the control plane's answer is not readable ${encoding}`;
  return new Fault({ code: "control-link/bad-encoding", owner: "platform", message, cause });
}

function callFault(call: HttpCall, cause: unknown, timedOut: boolean): Fault {
  if (cause instanceof Fault) return cause;
  if (timedOut) {
    const message = `${call.url.origin} did not answer within ${call.timeoutMs} ms`;
    return new Fault({ code: "control-link/timeout", owner: "platform", message, cause });
  }
  const why = systemErrorCode(cause) ?? errorText(cause);
  const message = `${call.url.origin} cannot be reached: ${why}`;
  return new Fault({ code: "control-link/unreachable", owner: "platform", message, cause });
}
