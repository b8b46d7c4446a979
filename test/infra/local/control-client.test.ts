import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";

import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { controlClient } from "../../../infra/local/control-client.ts";

async function controlAnswering(listener: RequestListener, port = 0): Promise<string> {
  const control = createServer(listener);
  onTestFinished(() => void control.close());
  control.listen(port, "127.0.0.1");
  await once(control, "listening");
  const address = control.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

const answer = z.object({ id: z.string() });

test("a call carries the key and the body, and its answer is read", async () => {
  const heard: unknown[] = [];
  const url = await controlAnswering((request, response) => {
    const { method, url: path, headers } = request;
    heard.push([method, path, headers.authorization, headers["content-type"]]);
    response.setHeader("etag", '"7-abc"');
    response.end('{"id": "bal_1", "more": 1}');
  });
  const call = { method: "POST", path: "/v1/balancers", body: { name: "b" }, answer } as const;
  expect(await controlClient(url, "key").call(call)).toEqual({
    ok: true,
    answer: { id: "bal_1" },
    etag: '"7-abc"',
  });
  expect(heard).toEqual([["POST", "/v1/balancers", "Bearer key", "application/json"]]);
});

test("a refusal is an outcome, and a fault where a success was demanded", async () => {
  const url = await controlAnswering((_, response) => {
    response.writeHead(401).end("no key");
  });
  const client = controlClient(url, undefined);
  const call = { method: "GET", path: "/v1/nodes", answer } as const;
  expect(await client.call(call)).toEqual({ ok: false, status: 401, problem: "no key" });
  await expect(client.demand(call)).rejects.toMatchObject({
    code: "local/refused",
    message: "GET /v1/nodes was answered with 401: no key",
  });
});

test("a port that browsers and fetch refuse is a port like any other", async () => {
  const url = await controlAnswering((_, response) => response.end('{"id": "x"}'), 6_667);
  const call = { method: "GET", path: "/", answer } as const;
  expect(await controlClient(url, undefined).demand(call)).toEqual({ id: "x" });
});
