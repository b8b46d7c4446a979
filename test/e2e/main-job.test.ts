import { Readable } from "node:stream";

import { beforeAll, expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { startBackend, type BackendBehaviour } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { startLinkedAgent } from "../support/linked-agent.ts";
import { findProgram, runCommand } from "../support/run-command.ts";
import { createBalancer, onlyNode, statsOf } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { ask } from "../support/test-client.ts";

const requests = 60;
const requestBytes = 1_234;
const answerBytes = 45_678;

/** Reads a whole request, then answers with a known number of bytes. */
const answering: BackendBehaviour = (socket) => {
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received === requestBytes) socket.end(Buffer.alloc(answerBytes, "a"));
  });
};

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

test("the main job: sign up, join, define a balancer, bytes flow, and the numbers are exact", async () => {
  const tenant = await signUp(control.url);

  await startLinkedAgent(onTestFinished, control, tenant);
  const backends = [await startBackend(answering), await startBackend(answering)];
  const port = await freePort();
  const ports = backends.map((backend) => backend.port);
  const balancer = await createBalancer(tenant, { port, backends: ports });
  expect(balancer.receipt.nodes).toMatchObject({ expected: 1, serving: 1, failed: 0 });
  const node = await onlyNode(tenant);
  expect(node).toMatchObject({ state: "serving", running: { revision: balancer.revision } });

  const request = "r".repeat(requestBytes);
  for (let sent = 0; sent < requests; sent += 1) {
    expect((await ask(port, request)).length).toBe(answerBytes);
  }
  expect(backends.map((backend) => backend.accepted >= requests / 2)).toEqual([true, true]);

  const totals = {
    connections: requests,
    refused: 0,
    rejected: 0,
    rxBytes: requests * answerBytes,
    txBytes: requests * requestBytes,
  };
  const half = {
    connections: requests / 2,
    refused: 0,
    rejected: 0,
    rxBytes: totals.rxBytes / 2,
    txBytes: totals.txBytes / 2,
  };
  const stats = await eventually(async () => {
    const answer = await statsOf(tenant, balancer);
    expect(answer.totals).toEqual({ ...totals, activeConnections: 0 });
    return answer;
  });
  expect(stats.nodes).toEqual({ reporting: 1, expected: 1 });
  expect(stats.byNode).toMatchObject([{ node: node.id, totals }]);
  expect(stats.backends).toMatchObject(
    ports
      .map((backendPort) => ({ backend: `127.0.0.1:${backendPort}`, live: 1, ...half }))
      .toSorted((a, b) => a.backend.localeCompare(b.backend)),
  );

  const metrics = await tenant.demand<string>("GET", "/v1/metrics");
  const labels = `{balancer="${balancer.id}",name="b${port}",node="${node.id}"}`;
  expect(metrics).toContain(`midstream_balancer_connections_total${labels} ${requests}\n`);
  expect(metrics).toContain(`midstream_balancer_rx_bytes_total${labels} ${totals.rxBytes}\n`);
  expect(metrics).toContain(`midstream_balancer_tx_bytes_total${labels} ${totals.txBytes}\n`);
  expect(metrics).toContain(`midstream_node_connected{node="${node.id}"`);
});

test("promtool finds nothing to complain about in /v1/metrics", async ({ annotate, skip }) => {
  const promtool = await findProgram("promtool");
  skip(promtool === undefined, "promtool is not installed (Debian: prometheus)");
  const tenant = await signUp(control.url);
  await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(answering);
  const port = await freePort();
  await createBalancer(tenant, { port, backends: [backend.port] });
  await ask(port, "r".repeat(requestBytes));

  const metrics = await eventually(async () => {
    const text = await tenant.demand<string>("GET", "/v1/metrics");
    expect(text).toMatch(/midstream_backend_connections_total\{.*\} 1\n/);
    return text;
  });
  const checked = await runCommand(["promtool", "check", "metrics"], {
    input: Readable.from([metrics]),
  });
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  await annotate(`${metrics.split("\n").length} lines, accepted by promtool`, "measured");
});
