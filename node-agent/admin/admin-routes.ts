import type { Metrics } from "./metrics.ts";
import { statusPage } from "./status-page.ts";
import { statusText } from "./status-text.ts";
import type { AgentStatus } from "./status.ts";

export interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AdminSource {
  readonly status: () => AgentStatus;
  readonly metrics: Metrics;
}

export interface AdminRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
}

const plain = "text/plain; charset=utf-8";

/** Answers one request. It reads only: every path takes GET and HEAD. */
export async function adminAnswer(
  source: AdminSource,
  request: AdminRequest,
): Promise<AdminAnswer> {
  const route = routes.get(request.path);
  if (route === undefined) return { status: 404, type: plain, body: "not found\n" };
  if (request.method !== "GET" && request.method !== "HEAD") {
    const headers = { allow: "GET, HEAD" };
    return { status: 405, type: plain, body: "method not allowed\n", headers };
  }
  return route(source);
}

type Route = (source: AdminSource) => AdminAnswer | Promise<AdminAnswer>;

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/", ({ status }) => page(statusPage(status()))],
  ["/status.json", ({ status }) => json(status())],
  ["/status.txt", ({ status }) => ({ status: 200, type: plain, body: statusText(status()) })],
  ["/healthz", () => ({ status: 200, type: plain, body: "ok\n" })],
  ["/readyz", ({ status }) => ready(status())],
  ["/metrics", async ({ metrics }) => metricsAnswer(metrics)],
]);

function page(body: string): AdminAnswer {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  const headers = { "content-security-policy": policy };
  return { status: 200, type: "text/html; charset=utf-8", body, headers };
}

function json(status: AgentStatus): AdminAnswer {
  return { status: 200, type: "application/json", body: `${JSON.stringify(status, null, 2)}\n` };
}

/** Ready to get traffic: something was applied, workers are there, and the agent does not drain. */
function ready({ phase, workers }: AgentStatus): AdminAnswer {
  const why = phase === "halted" ? `: no worker is left: ${workers.lastLoss ?? ""}` : "";
  return { status: phase === "serving" ? 200 : 503, type: plain, body: `${phase}${why}\n` };
}

async function metricsAnswer(metrics: Metrics): Promise<AdminAnswer> {
  return { status: 200, type: metrics.contentType, body: await metrics.render() };
}
