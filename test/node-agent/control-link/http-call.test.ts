import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

import { describe, expect, onTestFinished, test } from "vitest";

import { httpCall, type HttpAnswer } from "../../../node-agent/control-link/http-call.ts";

describe("bounded HTTP call", () => {
  test("gives status, headers and text, inflated when it came compressed", async () => {
    const url = await served((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip", "x-a": "b" }).end(gzipSync("hello"));
    });
    expect(await call(url)).toMatchObject({ status: 200, body: "hello", headers: { "x-a": "b" } });
  });

  test("more bytes than it may have are not read, as they come or inflated", async () => {
    const plain = await served((_request, response) => response.end("x".repeat(2_000)));
    await expect(call(plain)).rejects.toMatchObject({ code: "control-link/answer-too-big" });
    const bomb = await served((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x".repeat(100_000)));
    });
    await expect(call(bomb)).rejects.toMatchObject({ code: "control-link/answer-too-big" });
  });

  test("an encoding that was not asked for, or is not what it says, is refused", async () => {
    const brotli = await served((_request, response) => {
      response.writeHead(200, { "content-encoding": "br" }).end("x");
    });
    await expect(call(brotli)).rejects.toMatchObject({ code: "control-link/bad-encoding" });
    const torn = await served((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    });
    await expect(call(torn)).rejects.toMatchObject({ code: "control-link/bad-encoding" });
  });

  test("whoever does not answer in time is a timeout, also in the middle of an answer", async () => {
    const silent = await served(() => undefined);
    await expect(call(silent, 100)).rejects.toMatchObject({ code: "control-link/timeout" });
    const slow = await served((_request, response) => void response.write("x"));
    await expect(call(slow, 100)).rejects.toMatchObject({ code: "control-link/timeout" });
  });

  test("nobody there: says who cannot be reached and why; redirects are not followed", async () => {
    await expect(call(new URL("http://127.0.0.1:1/"))).rejects.toMatchObject({
      code: "control-link/unreachable",
      message: "http://127.0.0.1:1 cannot be reached: ECONNREFUSED",
    });
    const elsewhere = await served((_request, response) => {
      response.writeHead(302, { location: "/other" }).end();
    });
    expect(await call(elsewhere)).toMatchObject({ status: 302 });
  });
});

function call(url: URL, timeoutMs = 5_000): Promise<HttpAnswer> {
  return httpCall({ method: "GET", url, headers: {}, ca: undefined, timeoutMs, bytesMax: 1_000 });
}

async function served(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}
