import { describe, expect, onTestFinished, test } from "vitest";

import type { TenantId } from "#shared/base/ids.ts";

import type { Database, Transaction } from "../../../control/storage/database.ts";
import { startControl } from "../../support/control-process.ts";
import { controlUnderTest } from "../../support/control-under-test.ts";
import { simpleBalancer } from "../../support/definitions.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { ownPostgres } from "../../support/own-postgres.ts";
import { signUp } from "../../support/tenant-api.ts";

interface Problem {
  readonly code: string;
}

/** A database whose tenants' transactions begin when the gate is opened. */
function gated(real: Database): { database: Database; open: () => void; waiting: () => number } {
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  let closed = false;
  const asTenant = async <T>(
    tenantId: TenantId,
    run: (tx: Transaction) => Promise<T>,
  ): Promise<T> => {
    if (closed) {
      waiting += 1;
      await gate.promise;
    }
    return real.asTenant(tenantId, run);
  };
  return {
    database: {
      asTenant,
      asSystem: (run) => real.asSystem(run),
      listen: (channel, hear) => real.listen(channel, hear),
      ping: (timeoutMs) => real.ping(timeoutMs),
    },
    open: () => gate.resolve(),
    waiting: () => {
      closed = true;
      return waiting;
    },
  };
}

describe("too many requests at work", () => {
  test("are turned away with 503 and Retry-After, and the liveness check is not", async () => {
    const gate: { current?: ReturnType<typeof gated> } = {};
    const control = await controlUnderTest(onTestFinished, {
      limits: { requestsInFlightMax: 2 },
      database: (real) => {
        gate.current = gated(real);
        return gate.current.database;
      },
    });
    const tenant = await signUp(control.url);
    gate.current?.waiting();
    const slow = [tenant.call("GET", "/v1/me"), tenant.call("GET", "/v1/me")];
    await eventually(() => gate.current?.waiting() === 2);
    const refused = await tenant.call<Problem>("GET", "/v1/me");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(refused.body.code).toBe("http/busy");
    expect((await fetch(`${control.url}/healthz`)).status).toBe(200);
    gate.current?.open();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await tenant.call("GET", "/v1/me")).status).toBe(200);
  });
});

describe("an answer that takes too long", () => {
  test("is 503 with Retry-After", async () => {
    const clock = new FakeClock();
    const gate: { current?: ReturnType<typeof gated> } = {};
    const control = await controlUnderTest(onTestFinished, {
      clock,
      database: (real) => {
        gate.current = gated(real);
        return gate.current.database;
      },
    });
    const tenant = await signUp(control.url);
    gate.current?.waiting();
    const late = tenant.call<Problem>("GET", "/v1/me");
    await eventually(() => gate.current?.waiting() === 1);
    clock.advance(45_000);
    const { status, headers, body } = await late;
    gate.current?.open();
    expect(status).toBe(503);
    expect(headers.get("retry-after")).toBe("2");
    expect(body.code).toBe("http/no-answer-in-time");
  });
});

describe("what nobody expected", () => {
  test("is 500 with the request's id and nothing else, and one line in the log", async () => {
    const control = await controlUnderTest(onTestFinished, {
      database: (real) => ({
        ...real,
        asTenant: () => Promise.reject(new Error("hunter2 in a stack")),
      }),
    });
    const tenant = await signUp(control.url);
    const answer = await tenant.call<Problem>("GET", "/v1/me", {
      headers: { "x-request-id": "broken-1" },
    });
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: "http/internal", requestId: "broken-1", errors: [] });
    expect(JSON.stringify(answer.body)).not.toContain("hunter2");
    const lines = control.log.lines.filter(({ level }) => level === "error");
    expect(lines).toMatchObject([
      {
        event: "http.request",
        fields: { request: "broken-1", status: 500, problem: "http/internal" },
      },
    ]);
    expect(lines[0]?.fields["error"]).toBeInstanceOf(Error);
  });
});

describe("Postgres stopped", () => {
  test("calls answer 503 with Retry-After, readyz too, healthz not; and all recovers by itself", async () => {
    const postgres = await ownPostgres(onTestFinished);
    const control = await startControl(onTestFinished, { databaseUrl: postgres.url });
    const tenant = await signUp(control.url);
    await tenant.demand("POST", "/v1/balancers", { body: simpleBalancer("before") });
    await postgres.stop();
    for (const [method, path, body] of [
      ["GET", "/v1/balancers", undefined],
      ["POST", "/v1/balancers", simpleBalancer("during", 9_001)],
      ["GET", "/v1/metrics", undefined],
    ] as const) {
      const answer = await tenant.call<Problem>(method, path, body === undefined ? {} : { body });
      expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 503`);
      expect(answer.headers.get("retry-after")).toBe("2");
      expect(answer.body.code).toBe("http/unavailable");
    }
    const ready = await fetch(`${control.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({
      status: "not-ready",
      checks: { database: false, links: true },
    });
    expect((await fetch(`${control.url}/healthz`)).status).toBe(200);
    await postgres.start();
    await eventually(async () => {
      const answer = await tenant.call("POST", "/v1/balancers", {
        body: simpleBalancer("after", 9_002),
      });
      return answer.status === 201;
    });
    const { items } = await tenant.demand<{ items: { name: string }[] }>("GET", "/v1/balancers");
    expect(items.map(({ name }) => name)).toEqual(["before", "after"]);
    expect((await fetch(`${control.url}/readyz`)).status).toBe(200);
  });
});
