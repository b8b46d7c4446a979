import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { createServer, type AddressInfo } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import { adminRetryMs } from "#shared/base/limits.ts";

import { startAdmin, type AdminServer } from "../../../node-agent/admin/admin-server.ts";
import { createMetrics } from "../../../node-agent/admin/metrics.ts";
import type { AgentStatus } from "../../../node-agent/admin/status.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { statusOf, totalsOf } from "./statuses.ts";

describe("status port", () => {
  test("the page says what runs, loads nothing and runs nothing", async () => {
    const { get } = await setup();
    const page = await get("/");
    expect(page.status).toBe(200);
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(page.headers["x-content-type-options"]).toBe("nosniff");
    expect(page.body).toContain("revision 7");
    expect(page.body).toContain("EADDRINUSE");
    expect(page.body).not.toMatch(/<script|src=|url\(/);
  });

  test("whatever comes from outside is escaped", async () => {
    const nasty = '<img src=x onerror="alert(1)">\'&';
    const [balancer] = statusOf().balancers;
    const problems = [{ pointer: nasty, code: nasty, detail: nasty }];
    const backends = [
      {
        name: nasty,
        live: false,
        ejected: false,
        state: "enabled",
        activeConnections: 0,
        checks: [],
      },
    ];
    const balancers = [{ ...balancer, name: nasty, bind: [nasty], problems, backends }];
    const { get } = await setup({ balancers } as Partial<AgentStatus>);
    const { body } = await get("/");
    expect(body).not.toContain("<img");
    expect(body).toContain("&#60;img src=x onerror=&#34;alert(1)&#34;&#62;&#39;&#38;");
  });

  test("the same as JSON, and as text without control characters", async () => {
    const [balancer] = statusOf().balancers;
    const balancers = [{ ...balancer, name: "a\u001b[2Jb" }];
    const { get } = await setup({ balancers } as Partial<AgentStatus>);
    expect(JSON.parse((await get("/status.json")).body)).toMatchObject({ phase: "serving" });
    const text = (await get("/status.txt")).body;
    expect(text).toContain("a?[2Jb (bal_a) serving, 3 open, on 127.0.0.1:9000");
    expect(text).toContain("10.0.0.1:80 up, 3 open");
  });

  test("alive whatever happens; ready only while it serves", async () => {
    for (const phase of ["waiting", "serving", "draining"] as const) {
      const { get } = await setup({ phase });
      expect((await get("/healthz")).status).toBe(200);
      const ready = await get("/readyz");
      expect([ready.status, ready.body]).toEqual([phase === "serving" ? 200 : 503, `${phase}\n`]);
    }
  });

  test("an agent without a worker is alive and not ready, and says why everywhere", async () => {
    const workers = { wanted: 2, present: 0, lastLoss: "the addon is gone" };
    const { get } = await setup({ phase: "halted", workers });
    expect((await get("/healthz")).status).toBe(200);
    const ready = await get("/readyz");
    expect([ready.status, ready.body]).toEqual([
      503,
      "halted: no worker is left: the addon is gone\n",
    ]);
    expect((await get("/status.txt")).body).toContain(
      "workers        0 of 2 (the addon is gone)\n",
    );
    expect((await get("/")).body).toContain("0 of 2 (the addon is gone)");
    const lines = (await get("/metrics")).body.split("\n");
    expect(lines).toEqual(
      expect.arrayContaining(["midstream_agent_ready 0", "midstream_agent_workers_present 0"]),
    );
  });

  test("metrics in Prometheus' format: counters and gauges of balancers and backends, and the process", async () => {
    const { get } = await setup();
    const { body, headers } = await get("/metrics");
    expect(headers["content-type"]).toContain("text/plain; version=0.0.4");
    const lines = body.split("\n");
    for (const line of [
      'midstream_agent_balancer_connections_total{balancer="bal_a",name="web"} 5',
      'midstream_agent_balancer_rx_bytes_total{balancer="bal_a",name="web"} 1000',
      'midstream_agent_balancer_live_backends{balancer="bal_a",name="web"} 1',
      'midstream_agent_backend_refused_total{balancer="bal_a",name="web",backend="10.0.0.1:80"} 1',
      'midstream_agent_backend_up{balancer="bal_a",name="web",backend="10.0.0.1:80"} 1',
      "midstream_agent_link_up 1",
      "midstream_agent_links_opened_total 2",
      "midstream_agent_access_log_lines_total 12",
      "midstream_agent_access_log_dropped_total 1",
      "midstream_agent_ready 1",
      "midstream_agent_snapshot_revision 7",
      "midstream_agent_balancers_failing 1",
      "# TYPE midstream_agent_balancer_tx_bytes_total counter",
    ]) {
      expect(lines).toContain(line);
    }
    expect(body).toContain("process_resident_memory_bytes");
    expect((await get("/metrics")).body).toContain("midstream_agent_links_opened_total 2\n");
  });

  test("the event loop's delay is measured at a scrape, and no timer samples it in between", async () => {
    const { get } = await setup();
    const { body } = await get("/metrics");
    expect(body.match(/^# TYPE nodejs_eventloop\w+/gm)).toEqual([
      "# TYPE nodejs_eventloop_lag_seconds",
    ]);
  });

  test("reads only: other methods are refused with what is allowed, unknown paths are not found", async () => {
    const { get } = await setup();
    const posted = await get("/status.json", { method: "POST" });
    expect([posted.status, posted.headers["allow"]]).toEqual([405, "GET, HEAD"]);
    const head = await get("/status.json?x=1", { method: "HEAD" });
    expect([head.status, head.body]).toEqual([200, ""]);
    expect((await get("/etc/passwd")).status).toBe(404);
    expect((await get("/../status.json")).status).toBe(404);
  });

  test.each([
    "evil.example",
    "evil.example:9901",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
  ])(
    "a request for the host %j is turned away, so that no web page can reach this port by a name of its own",
    async (host) => {
      const { get } = await setup();
      expect((await get("/status.json", { host })).status).toBe(421);
    },
  );

  test.each(["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9901", "10.0.0.7:9901"])(
    "a request for %j is answered",
    async (host) => {
      const { get } = await setup();
      expect((await get("/healthz", { host })).status).toBe(200);
    },
  );

  test("a port that is taken: the agent starts all the same, and has it as soon as it is free", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { admin, clock } = await started({}, port);
    expect(admin.address()).toBeUndefined();
    holder.close();
    await once(holder, "close");
    await eventually(() => {
      clock.advance(adminRetryMs);
      return admin.address()?.port === port;
    });
  });

  test("stopped, its port is free and nothing is left waiting", async () => {
    const { admin, clock } = await started();
    const port = admin.address()?.port ?? 0;
    await admin.stop();
    const { admin: next } = await started({}, port);
    expect(next.address()?.port).toBe(port);
    expect(clock.timers).toBe(0);
  });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly host?: string;
}

async function setup(over: Partial<AgentStatus> = {}): Promise<{
  readonly get: (path: string, asked?: Asked) => Promise<Answer>;
}> {
  const { admin } = await started(over);
  const port = admin.address()?.port ?? 0;
  return { get: (path, asked = {}) => call(port, path, asked) };
}

async function started(
  over: Partial<AgentStatus> = {},
  port = 0,
): Promise<{ readonly admin: AdminServer; readonly clock: FakeClock }> {
  const status = (): AgentStatus => statusOf(over);
  const source = { status, metrics: createMetrics({ status, totals: totalsOf }) };
  const clock = new FakeClock();
  const admin = await startAdmin({ source, clock, log: silentLog() }, { host: "127.0.0.1", port });
  onTestFinished(() => admin.stop());
  return { admin, clock };
}

function call(port: number, path: string, asked: Asked): Promise<Answer> {
  const { method = "GET", host = `127.0.0.1:${port}` } = asked;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { port, path, method, headers: { host }, agent: false },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => (body += text));
        answer.on("end", () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
}
