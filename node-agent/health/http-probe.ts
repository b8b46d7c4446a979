import { request, type IncomingMessage, type RequestOptions } from "node:http";

import { Fault, systemErrorCode } from "#shared/base/fault.ts";
import { httpCheckBodyBytesMax, httpCheckHeaderBytesMax } from "#shared/base/limits.ts";
import { compilePattern, type Pattern } from "#shared/base/pattern.ts";
import type { HttpCheck } from "#shared/definition/healthcheck/http.ts";
import { isSecretReference } from "#shared/definition/secret.ts";

import { boundedCheck, type BoundedCheckDeps, type Finish } from "./bounded-check.ts";
import { failureOf, type OpenConnection } from "./check-connection.ts";
import { serverNameOf } from "./check-tls.ts";
import { statusMatcher } from "./expected-statuses.ts";
import type { Probe, ProbeTarget } from "./probe.ts";
import { notBegun } from "./stream-probe.ts";

export interface HttpProbeDeps extends BoundedCheckDeps {
  /** Over TLS for https. */
  readonly open: OpenConnection;
}

/**
 * Asks for a page over a connection of its own. The status decides, and the body's beginning where
 * a pattern is given; a redirect is an answer like any other, and is not followed.
 */
export function httpProbe(deps: HttpProbeDeps, check: HttpCheck): Probe {
  const isExpected = statusMatcher(check.expectedStatuses);
  const body = patternOf(check);
  const headers = plainHeaders(check);
  return (target, signal) =>
    boundedCheck(deps, signal, (finish) => {
      if (headers === undefined) return unrevealed(finish);
      const connection = deps.open(target);
      if (connection === undefined) return notBegun(finish);
      const failed = (error: Error): void => finish(...httpFailure(error, target.host));
      const asks = requestOf(check, target, headers);
      const options = { ...asks, createConnection: () => connection.socket };
      const asked = request(options, (response) => {
        const { statusCode = 0 } = response;
        response.on("error", failed);
        if (!isExpected(statusCode)) return finish("failed", `status ${statusCode}`);
        if (body === undefined) return finish("passed", "");
        readBody(response, body, finish);
      });
      connection.socket.on("error", failed);
      asked.on("error", failed);
      asked.end();
      return () => {
        asked.destroy();
        connection.end();
      };
    });
}

type PlainHeaders = Readonly<Record<string, string>>;

/** Undefined as long as a value is not known to this node: a request without it would ask otherwise. */
function plainHeaders({ headers = {} }: HttpCheck): PlainHeaders | undefined {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (isSecretReference(value)) return undefined;
    plain[name] = value;
  }
  return plain;
}

function unrevealed(finish: Finish): () => void {
  finish("none", "no-secret");
  return () => undefined;
}

function requestOf(check: HttpCheck, target: ProbeTarget, headers: PlainHeaders): RequestOptions {
  // A Unix socket has no port that the Host header could name.
  const asked = check.host ?? (target.port === 0 ? serverNameOf(target) : undefined);
  const named = asked === undefined ? {} : { host: asked };
  return {
    host: serverNameOf(target),
    port: target.port,
    method: check.method,
    path: check.path,
    headers: { "user-agent": "midstream-check", ...named, ...headers },
    maxHeaderSize: httpCheckHeaderBytesMax,
  };
}

/** Matches what there is whenever more has come, up to a bound: a match needs no whole body. */
function readBody(response: IncomingMessage, pattern: Pattern, finish: Finish): void {
  let body: Uint8Array = new Uint8Array(0);
  const judge = (): void => {
    if (pattern.testBytes(body)) finish("passed", "");
    else finish("failed", "unexpected-body");
  };
  response.on("data", (data: Buffer) => {
    body = Buffer.concat([body, data]).subarray(0, httpCheckBodyBytesMax);
    if (body.length === httpCheckBodyBytesMax) judge();
  });
  response.once("end", judge);
  response.once("close", () => finish("failed", "short-answer"));
}

/** Everything that is not HTTP has a code of the parser. */
function httpFailure(error: Error, host: string): ["failed" | "none", string] {
  return systemErrorCode(error)?.startsWith("HPE_") === true
    ? ["failed", "not-http"]
    : failureOf(error, host);
}

function patternOf({ bodyPattern }: HttpCheck): Pattern | undefined {
  if (bodyPattern === undefined) return undefined;
  const compiled = compilePattern(bodyPattern);
  if (compiled.ok) return compiled.pattern;
  throw new Fault({
    code: "health/unchecked",
    owner: "platform",
    message: `a check reached an agent without having been checked: ${compiled.detail}`,
  });
}
