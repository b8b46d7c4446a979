import type { Duplex } from "node:stream";

import { systemErrorCode } from "#shared/base/fault.ts";

import { problemKinds, type ProblemCode } from "./problem-kinds.ts";

/**
 * Answers what never became a request (broken syntax, headers too long or too slow), then closes
 * the connection: the one place where an answer is written by hand.
 */
export function refuseUnreadable(error: Error, socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  if (systemErrorCode(error) === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = codeOf(error);
  const body = documentOf(code);
  // Clients ignore the reason phrase (RFC 9112 section 4).
  const head = [
    `HTTP/1.1 ${problemKinds[code].status} Refused`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Answers a request whose target or Host makes no URL; the app never sees it. */
export function unreadableAnswer(): Response {
  const code = "http/bad-request";
  return new Response(documentOf(code), {
    status: problemKinds[code].status,
    headers: { "content-type": "application/problem+json" },
  });
}

function documentOf(code: ProblemCode): string {
  const { status, title } = problemKinds[code];
  const type = `urn:midstream:problem:${code.replace("/", ":")}`;
  return JSON.stringify({ type, title, status, code, detail: title, errors: [] });
}

function codeOf(error: Error): ProblemCode {
  const reason = systemErrorCode(error);
  if (reason === "HPE_HEADER_OVERFLOW") return "http/headers-too-large";
  return reason === "ERR_HTTP_REQUEST_TIMEOUT" ? "http/request-timeout" : "http/bad-request";
}
