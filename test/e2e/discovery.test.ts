import { beforeAll, expect, onTestFinished, test } from "vitest";

import { joinNode, startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { echo, greet, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { nodeIsConnected, startLinkedAgent } from "../support/linked-agent.ts";
import { page, startPages } from "../support/page-server.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { startTraffic } from "../support/steady-traffic.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

test("a source's secret goes from the API to the source, and shows nowhere on its way; its failures show as events", async () => {
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(greet("discovered"));
  const pages = await startPages((request, response) => {
    const isKnown = request.headers.authorization === "Bearer hush-hush";
    response.writeHead(isKnown ? 200 : 401).end(`127.0.0.1:${backend.port}\n`);
  });
  const port = await freePort();
  const discovery = {
    kind: "multi",
    sources: [
      { kind: "plaintext", endpoint: pages.origin, interval: "100ms", bearerToken: "hush-hush" },
    ],
  };
  const balancer = await createBalancer(tenant, { port, backends: [], more: { discovery } });
  expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  expect(await ask(port)).toBe("discovered");

  const path = `/v1/balancers/${balancer.id}`;
  expect(await tenant.demand("GET", path)).toMatchObject({
    discovery: { sources: [{ bearerToken: { secret: expect.stringMatching(/^sec_/) } }] },
  });
  pages.answer = page("hush-hush", 500);
  const events = await eventually(
    async () => {
      const answer = await tenant.demand("GET", `/v1/events?balancer=${balancer.id}`);
      expect(JSON.stringify(answer)).toContain("discovery.failed");
      return answer;
    },
    { everyMs: 100 },
  );
  expect(events).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({
        kind: "discovery.failed",
        detail: expect.stringMatching(/^\/discovery\/sources\/0 \(plaintext\) bad-status: .*500/),
      }),
    ]),
  });
  expect(await ask(port)).toBe("discovered");
  const shown = [events, await tenant.demand("GET", path), await tenant.demand("GET", "/v1/audit")];
  expect(JSON.stringify(shown)).not.toContain("hush-hush");
  expect(agent.process.output()).not.toContain("hush-hush");
  expect(control.process.output()).not.toContain("hush-hush");
});

const html = "<html>\n<body>502 Bad Gateway: nobody there</body>\n</html>\n";

interface Phase {
  readonly text: string;
  /** Code and detail of the failure that the text is for a source of lines, and for one of JSON. */
  readonly plaintext: string;
  readonly json: string;
}

const phases: readonly Phase[] = [
  { text: "", plaintext: "empty: it names no backend", json: "bad-answer: the answer is not JSON" },
  {
    text: html,
    plaintext: "unusable: it names 3, and none can be used: line 1: ",
    json: "bad-answer: the answer is not JSON",
  },
  {
    text: "[]",
    plaintext: "unusable: it names 1, and none can be used: line 1: ",
    json: "empty: it names no backend",
  },
];

test("F-DSC-04 a source that starts to answer nothing, an error page, an empty list: no client is turned away, and status, metrics, API and events tell the reason", async () => {
  const tenant = await signUp(control.url);
  const adminPort = await freePort();
  const dataFolder = await joinNode(onTestFinished, control, tenant);
  await startAgent(onTestFinished, dataFolder, ["--admin", `127.0.0.1:${adminPort}`]);
  await nodeIsConnected(tenant);
  const backend = await startBackend(echo);
  const kinds = ["plaintext", "json"] as const;
  const fine = {
    plaintext: `127.0.0.1:${backend.port}\n`,
    json: JSON.stringify([{ host: "127.0.0.1", port: backend.port }]),
  };
  const sources = await Promise.all(
    kinds.map(async (kind) => {
      const pages = await startPages(page(fine[kind]));
      const port = await freePort();
      const discovery = { kind, endpoint: pages.origin, interval: "100ms" };
      const more = { discovery, healthcheck: { kind: "none" } };
      const { id } = await createBalancer(tenant, { port, backends: [], more });
      return { kind, pages, port, id };
    }),
  );
  const traffic = startTraffic(sources.map(({ port }) => port));
  for (const { text, ...failures } of phases) {
    for (const { pages } of sources) pages.answer = page(text);
    for (const { kind, id } of sources) {
      await eventually(() => tellsTheReason({ tenant, adminPort, id, failure: failures[kind] }), {
        withinMs: 40_000,
        everyMs: 100,
      });
    }
  }
  for (const { kind, pages } of sources) pages.answer = page(fine[kind]);
  await eventually(
    async () => {
      const { balancers } = await statusOf(adminPort);
      expect(balancers.flatMap(({ sources: all }) => all.map(({ state }) => state))).toEqual([
        "fresh",
        "fresh",
      ]);
    },
    { withinMs: 40_000, everyMs: 100 },
  );
  expect(await metricsOf(adminPort)).not.toContain("midstream_agent_source_failing{");
  const { answered, wrong } = await traffic.stop();
  expect(wrong).toEqual({});
  expect(answered).toBeGreaterThan(50);
});

interface Reason {
  readonly tenant: TestTenant;
  readonly adminPort: number;
  readonly id: string;
  /** How the failure begins, code first. */
  readonly failure: string;
}

/** Fails unless everybody who asks is told of this failure, and that the backend stays. */
async function tellsTheReason({ tenant, adminPort, id, failure }: Reason): Promise<void> {
  const [code = ""] = failure.split(":");
  const failing = { state: "failing", backends: 1, lastFailure: { code } };
  const { balancers } = await statusOf(adminPort);
  const mine = balancers.find((one) => one.id === id);
  expect(mine).toMatchObject({ sources: [failing], backends: [expect.anything()] });
  const { lastFailure } = mine?.sources[0] ?? {};
  expect(`${lastFailure?.code}: ${lastFailure?.detail}`.startsWith(failure)).toBe(true);
  const series = `midstream_agent_source_failing\\{balancer="${id}",[^}]*code="${code}"\\} 1\n`;
  expect(await metricsOf(adminPort)).toMatch(new RegExp(series));
  expect(await tenant.demand("GET", `/v1/balancers/${id}/health`)).toMatchObject({
    nodes: [{ sources: [failing] }],
  });
  const events = await tenant.demand("GET", `/v1/events?balancer=${id}`);
  expect(events).toMatchObject({
    items: expect.arrayContaining([
      expect.objectContaining({
        kind: "discovery.failed",
        detail: expect.stringContaining(`) ${code}: `),
      }),
    ]),
  });
}

interface StatusAnswer {
  readonly balancers: readonly {
    readonly id: string;
    readonly sources: readonly {
      readonly state: string;
      readonly lastFailure: { readonly code: string; readonly detail: string } | null;
    }[];
  }[];
}

async function statusOf(adminPort: number): Promise<StatusAnswer> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/status.json`);
  return (await answer.json()) as StatusAnswer;
}

async function metricsOf(adminPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
}
