import type { Context } from "hono";

import type { BodyEnv } from "../env.ts";
import { problemAnswer } from "../problem-answer.ts";
import type { AgentDeps, SnapshotWish } from "./agent-deps.ts";
import { nodeRefusal } from "./node-refusal.ts";
import { streamed } from "./streamed.ts";

/** A node pulls a snapshot of its group; anybody else's is not found. */
export async function snapshot(c: Context<BodyEnv>, deps: AgentDeps): Promise<Response> {
  const asked = { method: c.req.method, path: c.req.path };
  const outcome = await deps.authenticate(c.req.header("authorization"), asked);
  if (outcome.kind !== "node") return nodeRefusal(c, outcome);
  const { node } = outcome;
  c.var.facts.tenant = node.tenantId;
  const acceptsGzip = /\bgzip\b/i.test(c.req.header("accept-encoding") ?? "");
  const found = await deps.snapshot(node, wishOf(c), { node, acceptsGzip });
  if (found === undefined) return problemAnswer(c, "http/not-found");
  const headers = {
    "content-type": "application/json",
    vary: "accept-encoding, authorization",
    etag: found.etag,
    ...(found.encoding === "gzip" ? { "content-encoding": "gzip" } : {}),
  };
  if (c.req.header("if-none-match") === found.etag) {
    return new Response(null, { status: 304, headers });
  }
  const bytes = found.pieces.reduce((sum, piece) => sum + piece.length, 0);
  const sized = { ...headers, "content-length": String(bytes) };
  return new Response(streamed(found.pieces), { status: 200, headers: sized });
}

/** The revision counts only when it is one: the root alone finds the newest. */
function wishOf(c: Context<BodyEnv>): SnapshotWish {
  const root = c.req.param("root") ?? "";
  const epoch = Number(c.req.query("epoch") ?? Number.NaN);
  const rev = Number(c.req.query("rev") ?? Number.NaN);
  const exact = [epoch, rev].every((number) => Number.isSafeInteger(number) && number >= 0);
  return exact && epoch <= epochMax ? { root, at: { epoch, rev } } : { root };
}

/** Postgres keeps it as a 32-bit number. */
const epochMax = 2 ** 31 - 1;
