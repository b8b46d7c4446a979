import { beforeAll, expect, onTestFinished, test } from "vitest";

import { askFrom } from "../support/client-from.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { page, startPages } from "../support/page-server.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

interface Check {
  readonly verdict: string;
  readonly tookMs: number;
  readonly detail: string;
  readonly atMs: number;
}

interface Backend {
  readonly backend: string;
  readonly live: boolean;
  readonly checks: readonly Check[];
}

interface NodeHealth {
  readonly state: string;
  readonly backends: readonly Backend[];
  readonly sources: readonly object[];
  readonly unserved: object | null;
}

async function onlyNode(tenant: TestTenant, path: string): Promise<NodeHealth> {
  const { nodes } = await tenant.demand<{ nodes: NodeHealth[] }>("GET", path);
  expect(nodes).toHaveLength(1);
  const [node] = nodes;
  if (node === undefined) throw new Error("there is no node");
  return node;
}

const checked = {
  healthcheck: { kind: "ping", interval: "200ms", timeout: "5s", fails: 1, passes: 1 },
};

test("X-HC-30 the API shows of every node the last results of a backend's checks, with reason and duration", async () => {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const [up, down] = [await startBackend(greet("up")), await freePort()];
  const ports = [up.port, down];
  const backends = ports.map((port) => `127.0.0.1:${port}`);
  const { id } = await createBalancer(tenant, {
    port: await freePort(),
    backends: ports,
    more: checked,
  });
  const path = `/v1/balancers/${id}/health`;

  const failed = { verdict: "failed", detail: "ECONNREFUSED" };
  const passed = { verdict: "passed", detail: "" };
  const known = { state: "enabled", discovered: true };
  // A backend is live before its first check has ended.
  await eventually(
    async () => {
      const node = await onlyNode(tenant, path);
      expect(node.state).toBe("answered");
      expect(node.backends).toMatchObject([
        { backend: backends[1], ...known, live: false, checks: [failed] },
        { backend: backends[0], ...known, live: true, checks: [passed] },
      ]);
    },
    { everyMs: 200 },
  );
  const history = await eventually(
    async () => {
      const query = `?backend=${encodeURIComponent(backends[1] ?? "")}`;
      const { backends: found } = await onlyNode(tenant, path + query);
      expect(found).toHaveLength(1);
      const checks = found[0]?.checks ?? [];
      expect(checks).toHaveLength(10);
      return checks;
    },
    { everyMs: 200 },
  );
  for (const check of history) {
    expect(check).toMatchObject(failed);
    expect(check.tookMs).toBeGreaterThanOrEqual(0);
  }
  const moments = history.map(({ atMs }) => atMs);
  expect(moments).toEqual(moments.toSorted((a, b) => b - a));

  const nonsense = await tenant.call("GET", `${path}?backend=nonsense`);
  expect(nonsense).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: "/backend", code: "invalid-address" }] },
  });
  const strange = await tenant.call("GET", `${path}?backend=10.255.0.1:80`);
  expect(strange).toMatchObject({ status: 404, body: { code: "http/not-found" } });
  const mapped = await onlyNode(tenant, `${path}?backend=[::ffff:127.0.0.1]:${up.port}`);
  expect(mapped.backends).toMatchObject([{ backend: backends[0] }]);
});

test("X-STAT-10 the API shows of every node whom its balancer turned away, by reason", async () => {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(greet("hello"));
  const port = await freePort();
  const more = { access: { rules: ["deny 127.0.0.2"] } };
  const { id } = await createBalancer(tenant, { port, backends: [backend.port], more });
  await eventually(async () => expect(await askFrom("127.0.0.1", port)).toBe("hello"));
  for (let turn = 0; turn < 3; turn += 1) expect(await askFrom("127.0.0.2", port)).toBe("");

  await eventually(
    async () => {
      const { unserved } = await onlyNode(tenant, `/v1/balancers/${id}/health`);
      const datagrams = { sessionsEvicted: 0, datagramsDropped: {} };
      expect(unserved).toEqual({ turnedAway: { "access-denied": 3 }, ...datagrams });
    },
    { everyMs: 200 },
  );
});

test("X-DSC-15 the API shows of every node how each source is: last success, last failure, duration, counts", async () => {
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(greet("hello"));
  const pages = await startPages(page(`127.0.0.1:${backend.port}\nno backend\n`));
  const source = { kind: "plaintext", endpoint: pages.origin, interval: "100ms" };
  const discovery = { kind: "multi", sources: [source] };
  const { id } = await createBalancer(tenant, {
    port: await freePort(),
    backends: [],
    more: { discovery },
  });
  const path = `/v1/balancers/${id}/health`;
  const fresh = {
    ...{ pointer: "/discovery/sources/0", kind: "plaintext", state: "fresh", watched: null },
    ...{ backends: 1, skipped: 1, failures: 0, lastFailure: null },
    ...{ lastSuccessMs: expect.any(Number), lastDurationMs: expect.any(Number) },
  };
  await eventually(async () =>
    expect((await onlyNode(tenant, path)).sources).toMatchObject([fresh]),
  );

  pages.answer = page("broken", 500);
  await eventually(
    async () => {
      const { sources } = await onlyNode(tenant, path);
      expect(sources).toMatchObject([
        {
          ...{ state: "failing", backends: 1, lastSuccessMs: expect.any(Number) },
          lastFailure: { code: "bad-status", atMs: expect.any(Number) },
        },
      ]);
    },
    { everyMs: 200 },
  );
});
