import { beforeAll, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { managedBalancer } from "./backend-calls.ts";

let control: ControlUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

test("a backend that is the balancer itself is refused, on POST and on PATCH, and so is what lacks its section", async () => {
  const { added, changed } = await managedBalancer(control);
  const itself = { host: "127.0.0.1", port: 9_000 };
  const loops = {
    status: 422,
    body: {
      errors: [
        { pointer: "", code: "conflict", detail: expect.stringContaining("127.0.0.1:9000") },
      ],
    },
  };
  await added({ host: "10.0.0.5", port: 80 });
  expect(await added(itself)).toMatchObject(loops);
  expect(await added({ ...itself, alpn: ["h2"] })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: "/alpn", code: "conflict" }, { pointer: "" }] },
  });
  expect(await changed("10.0.0.5:80", { alpn: ["h2"] })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: "/alpn", code: "conflict" }] },
  });
  expect((await added({ ...itself, state: "disabled" })).status).toBe(201);
  expect(await changed("127.0.0.1:9000", { state: "enabled" })).toMatchObject(loops);
  expect(await changed("127.0.0.1:9000", { state: null })).toMatchObject(loops);
  expect((await changed("127.0.0.1:9000", { state: "enabled", override: true })).status).toBe(200);
  expect(await changed("127.0.0.1:9000", { override: null })).toMatchObject(loops);
});

test("a stored backend that breaks a later rule hinders no other change, and can be cut, removed or mended", async () => {
  const { tenant, path, added, changed } = await managedBalancer(control);
  const stored = [
    { host: "127.0.0.1", port: 9_000 },
    { host: "10.0.0.8", port: 80, drainTimeout: "1m" },
  ];
  await control.db.sql`
    UPDATE balancers SET definition = definition || ${JSON.stringify({ managedBackends: stored })}::text::jsonb
      WHERE tenant_id = ${tenant.id}`;

  expect((await added({ host: "10.0.0.7", port: 80 })).status).toBe(201);
  expect((await changed("127.0.0.1:9000", { weight: 2 })).status).toBe(422);
  expect((await changed("127.0.0.1:9000", { state: "cut" })).status).toBe(200);
  const path9000 = `${path}/backends/127.0.0.1:9000`;
  await tenant.demand("DELETE", path9000, { headers: { "if-match": "*" } });
  const weighted = await changed("10.0.0.8:80", { weight: 2 });
  expect([weighted.status, weighted.body["drainTimeout"]]).toEqual([200, undefined]);
});

test("a deadline of a drain without a drain is refused with its pointer, on POST and on PATCH", async () => {
  const { added, changed } = await managedBalancer(control);
  const problem = {
    status: 422,
    body: { errors: [{ pointer: "/drainTimeout", code: "conflict" }] },
  };
  const body = { host: "10.0.0.7", port: 80 };
  expect(await added({ ...body, drainTimeout: "1m" })).toMatchObject(problem);
  expect(await added({ ...body, drainTimeout: "1m", state: "disabled" })).toMatchObject(problem);
  expect((await added({ ...body, drainTimeout: "1m", state: "draining" })).status).toBe(201);
  expect((await changed("10.0.0.7:80", { state: "enabled" })).status).toBe(200);
  expect(await changed("10.0.0.7:80", { drainTimeout: "1m" })).toMatchObject(problem);
  expect((await changed("10.0.0.7:80", { drainTimeout: null })).status).toBe(200);
});

test("a deadline of a drain that no timer can wait for is refused with its pointer, on POST and on PATCH", async () => {
  const { added, changed } = await managedBalancer(control);
  const problem = {
    status: 422,
    body: { errors: [{ pointer: "/drainTimeout", code: "out-of-range" }] },
  };
  const terms = { state: "draining", drainTimeout: "577h" };
  expect(await added({ host: "10.0.0.7", port: 80, ...terms })).toMatchObject(problem);
  expect((await added({ host: "10.0.0.7", port: 80 })).status).toBe(201);
  expect(await changed("10.0.0.7:80", terms)).toMatchObject(problem);
});
