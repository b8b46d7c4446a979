import { describe, expect, test } from "vitest";

import { httpCheckBodyBytesMax } from "#shared/base/limits.ts";
import { secretSchema } from "#shared/definition/secret-value.ts";

import { eventually } from "../../support/eventually.ts";
import { startBackend } from "../../support/fake-backend.ts";
import { startHttpBackend } from "../../support/http-backend.ts";
import { openSockets } from "../../support/open-sockets.ts";
import { verdictOf } from "../../support/test-probes.ts";

const http = { kind: "http" } as const;

describe("X-HC-25 an http check", () => {
  test("asks with its method, path, host and headers", async () => {
    const backend = await startHttpBackend((_, response) => response.end());
    const check = {
      ...http,
      method: "POST",
      path: "/healthz?deep=1",
      host: "www.example.com",
      headers: { "X-Check": "deep", Authorization: "Basic eDp5" },
    } as const;
    expect(await verdictOf(check, backend)).toBe("passed");
    expect(backend.requests[0]).toMatchObject({
      method: "POST",
      url: "/healthz?deep=1",
      headers: { host: "www.example.com", "x-check": "deep", authorization: "Basic eDp5" },
    });
    expect(await verdictOf(http, backend)).toBe("passed");
    expect(backend.requests[1]).toMatchObject({
      method: "GET",
      url: "/",
      headers: { host: `127.0.0.1:${backend.port}` },
    });
  });

  test("is not made as long as the value of a header is not known here", async () => {
    const backend = await startHttpBackend((_, response) => response.end());
    const secret = secretSchema.parse({ secret: "sec_01hzy3v5n8w2k7q4m6r9t0a1b2" });
    const check = { ...http, headers: { Authorization: secret } };
    expect(await verdictOf(check, backend)).toBe("none: no-secret");
    expect(backend.requests).toEqual([]);
  });

  test("goes by the status: any from 200 to 399 unless it names others", async () => {
    let status = 200;
    const backend = await startHttpBackend((_, response) => response.writeHead(status).end());
    const verdictAt = (given: number, expectedStatuses?: string[]): Promise<string> => {
      status = given;
      const more = expectedStatuses === undefined ? {} : { expectedStatuses };
      return verdictOf({ ...http, ...more }, backend);
    };
    expect(await verdictAt(200)).toBe("passed");
    expect(await verdictAt(399)).toBe("passed");
    expect(await verdictAt(404)).toBe("failed: status 404");
    expect(await verdictAt(503)).toBe("failed: status 503");
    const set = ["204", "500-502"];
    expect(await verdictAt(204, set)).toBe("passed");
    expect(await verdictAt(501, set)).toBe("passed");
    expect(await verdictAt(200, set)).toBe("failed: status 200");
    expect(await verdictAt(503, set)).toBe("failed: status 503");
  });

  test("goes by the body where a pattern is given, however it arrives", async () => {
    const backend = await startHttpBackend((request, response) => {
      if (request.url === "/pieces") {
        response.write('{"state":"rea');
        setImmediate(() => response.end('dy"}'));
      } else response.end('{"state":"broken"}');
    });
    const check = { ...http, bodyPattern: '"state":"ready"' } as const;
    expect(await verdictOf({ ...check, path: "/pieces" }, backend)).toBe("passed");
    expect(await verdictOf(check, backend)).toBe("failed: unexpected-body");
  });

  test("looks at the body's beginning only, and waits for no more", async () => {
    const filler = Buffer.alloc(httpCheckBodyBytesMax, "x");
    const endless = await startHttpBackend((_, response) => {
      const more = (): void => {
        while (response.write(filler)) continue;
        response.once("drain", more);
      };
      more();
    });
    expect(await verdictOf({ ...http, bodyPattern: "^x+$" }, endless)).toBe("passed");
    const late = await startHttpBackend((_, response) => response.end(`${String(filler)}late`));
    expect(await verdictOf({ ...http, bodyPattern: "late" }, late)).toBe("failed: unexpected-body");
  });

  test("follows no redirect: it is an answer like any other", async () => {
    const backend = await startHttpBackend((_, response) =>
      response.writeHead(302, { location: "/elsewhere" }).end(),
    );
    expect(await verdictOf(http, backend)).toBe("passed");
    expect(await verdictOf({ ...http, expectedStatuses: ["200"] }, backend)).toBe(
      "failed: status 302",
    );
    expect(backend.requests.map(({ url }) => url)).toEqual(["/", "/"]);
  });

  test("what is no HTTP, ends early or says nothing is unhealthy", async () => {
    const ssh = await startBackend((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await verdictOf(http, ssh)).toBe("failed: not-http");
    const closing = await startBackend((socket) => socket.end());
    expect(await verdictOf(http, closing)).toBe("failed: ECONNRESET");
    const half = await startHttpBackend((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    expect(await verdictOf({ ...http, bodyPattern: "half$" }, half)).toMatch(
      /^failed: (ECONNRESET|short-answer)$/,
    );
    const silent = await startHttpBackend(() => undefined);
    expect(await verdictOf({ ...http, timeout: "150ms" }, silent)).toBe("failed: timeout");
  });

  test("headers without end are cut off", async () => {
    const endless = await startBackend((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const more = (): void => {
        if (!socket.destroyed) socket.write(`x-${"a".repeat(1_000)}: b\r\n`, () => more());
      };
      more();
    });
    expect(await verdictOf(http, endless)).toBe("failed: not-http");
    await eventually(() => endless.sockets.size === 0);
  });

  test("keeps no connection", async () => {
    const backend = await startHttpBackend((_, response) => response.end("ok"));
    const before = openSockets();
    for (let round = 0; round < 20; round += 1) {
      expect(await verdictOf({ ...http, bodyPattern: "ok" }, backend)).toBe("passed");
    }
    await eventually(() => openSockets() === before);
  });
});
