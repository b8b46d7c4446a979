import { beforeAll, describe, expect, test } from "vitest";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import type { ApiAnswer } from "../../support/tenant-api.ts";
import { managedBalancer, type BackendAnswer, type BackendProblem } from "./backend-calls.ts";

let control: ControlUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
});

describe("X-DSC-11 backends that are managed by the API alone", () => {
  test("one is added, changed, drained, cut and taken away, each a revision of its balancer", async () => {
    const { tenant, path, added, changed } = await managedBalancer(control);
    const first = await added({ host: "10.0.0.5", port: 80, weight: 2 });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ backend: "10.0.0.5:80", revision: 2, weight: 2 });
    await added({ host: "fd00::5", port: 80 });

    const states = [
      { weight: 7, maxConnections: 5 },
      { state: "draining", drainTimeout: "90s" },
      { state: "cut" },
      { state: "enabled", weight: null },
    ];
    const answers: unknown[] = [];
    for (const patch of states) {
      const answer = await changed("10.0.0.5:80", patch);
      expect(answer.status).toBe(200);
      const { weight, state, drainTimeout, maxConnections } = answer.body;
      answers.push([answer.body.revision, weight, maxConnections, state, drainTimeout]);
    }
    expect(answers).toEqual([
      [4, 7, 5, undefined, undefined],
      [5, 7, 5, "draining", "90s"],
      [6, 7, 5, "cut", undefined],
      [7, undefined, 5, "enabled", undefined],
    ]);

    const gone = await tenant.call<BackendAnswer>("DELETE", `${path}/backends/[fd00::5]:80`, {
      headers: { "if-match": "*" },
    });
    expect([gone.status, gone.body]).toMatchObject([200, { backend: "[fd00::5]:80", revision: 8 }]);
    const list = await tenant.demand<{ items: BackendAnswer[] }>("GET", `${path}/backends`);
    expect(list.items).toEqual([
      {
        ...{ backend: "10.0.0.5:80", revision: 8, host: "10.0.0.5", port: 80 },
        ...{ maxConnections: 5, state: "enabled" },
      },
    ]);
  });

  test("they are part of the balancer: its answer has them, a rollback brings them back, the audit names the deed", async () => {
    const { tenant, path, added } = await managedBalancer(control);
    await added({ host: "10.0.0.5", port: 80 });
    await tenant.demand("DELETE", `${path}/backends/10.0.0.5:80`, { headers: { "if-match": "*" } });
    expect(await tenant.demand("GET", path)).toMatchObject({ managedBackends: [] });

    await tenant.demand("POST", "/v1/revisions/2/rollback");

    expect(await tenant.demand("GET", path)).toMatchObject({
      managedBackends: [{ host: "10.0.0.5", port: 80 }],
    });
    const { items } = await tenant.demand<{ items: { action: string }[] }>("GET", "/v1/audit");
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["backend.add", "backend.remove"]),
    );
  });

  test("If-Match names the balancer: 428 without it, 412 when it is stale, and a change gives the next one", async () => {
    const { tenant, path, added, changed } = await managedBalancer(control);
    const first = await added({ host: "10.0.0.5", port: 80 });
    const second = await changed("10.0.0.5:80", { weight: 2 }, etagOf(first));
    expect(second.status).toBe(200);
    expect(etagOf(second)).toBe(etagOf(await tenant.call("GET", path)));
    expect(etagOf(await tenant.call("GET", `${path}/backends`))).toBe(etagOf(second));

    expect((await changed("10.0.0.5:80", { weight: 3 }, etagOf(first))).status).toBe(412);
    expect(
      (await added({ host: "10.0.0.6", port: 80 }, { "if-match": etagOf(first) })).status,
    ).toBe(412);
    for (const [method, body] of [
      ["PATCH", { weight: 3 }],
      ["DELETE", undefined],
    ] as const) {
      const answer = await tenant.call(method, `${path}/backends/10.0.0.5:80`, { body });
      expect(answer.status).toBe(428);
    }
  });

  test("an Idempotency-Key adds once, a dry run never", async () => {
    const { tenant, path, added } = await managedBalancer(control);
    const key = { "idempotency-key": "deploy-17" };
    const first = await added({ host: "10.0.0.5", port: 80 }, key);
    const again = await added({ host: "10.0.0.5", port: 80 }, key);
    expect([again.status, again.body.revision]).toEqual([201, first.body.revision]);

    const body = { host: "10.0.0.6", port: 80 };
    const dry = await tenant.call("POST", `${path}/backends?dryRun=true`, { body });
    expect([dry.status, dry.body]).toMatchObject([200, { dryRun: true, backend: "10.0.0.6:80" }]);
    const list = await tenant.demand<{ items: BackendAnswer[] }>("GET", `${path}/backends`);
    expect(list.items.map(({ backend }) => backend)).toEqual(["10.0.0.5:80"]);
  });

  test("a change that changes nothing makes no revision", async () => {
    const { added, changed } = await managedBalancer(control);
    await added({ host: "10.0.0.5", port: 80, weight: 2 });
    expect((await changed("10.0.0.5:80", { weight: 2 })).body.revision).toBe(2);
    expect((await changed("10.0.0.5:80", {})).body.revision).toBe(2);
  });

  test("what is wrong is refused with every problem; one that is there, or is not, is told", async () => {
    const { added, changed } = await managedBalancer(control);
    const wrong = await added({ host: "10.0.0.256", port: 0, wieght: 1 });
    expect(wrong.status).toBe(422);
    const { errors } = wrong.body as unknown as BackendProblem;
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual(["/host", "/port", "/wieght"]);

    await added({ host: "10.0.0.5", port: 80 });
    expect((await added({ host: "10.0.0.5", port: 80 })).body).toMatchObject({
      code: "http/conflict",
    });
    expect((await changed("10.0.0.5:80", { host: "10.0.0.6" })).status).toBe(422);
    expect((await changed("10.0.0.5:80", { state: "gone" })).status).toBe(422);
    expect((await changed("10.0.0.9:80", { weight: 1 })).status).toBe(404);
    expect((await changed("nonsense", { weight: 1 })).status).toBe(404);
  });

  test("the list is in the order of names, in parts", async () => {
    const { tenant, path, added } = await managedBalancer(control);
    for (const port of [83, 81, 82]) {
      await added({ host: "10.0.0.5", port });
    }
    const page = await tenant.demand<{ items: BackendAnswer[]; nextCursor: string }>(
      "GET",
      `${path}/backends?limit=2`,
    );
    expect(page.items.map(({ backend }) => backend)).toEqual(["10.0.0.5:81", "10.0.0.5:82"]);
    const rest = await tenant.demand<{ items: BackendAnswer[]; nextCursor: null }>(
      "GET",
      `${path}/backends?limit=2&cursor=${page.nextCursor}`,
    );
    expect([rest.items.map(({ backend }) => backend), rest.nextCursor]).toEqual([
      ["10.0.0.5:83"],
      null,
    ]);
  });
});

function etagOf(answer: ApiAnswer<unknown>): string {
  return answer.headers.get("etag") ?? "";
}
