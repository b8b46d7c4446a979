import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFailed, onTestFinished } from "vitest";

import { joinNode } from "./agent-process.ts";
import { echo, startBackend, type FakeBackend } from "./fake-backend.ts";
import { freePort } from "./free-port.ts";
import { nodeIsConnected } from "./linked-agent.ts";
import { startRestartingAgent, type RestartingAgent } from "./restarting-agent.ts";
import { createBalancer, type WrittenBalancer } from "./served-balancers.ts";
import { signUp, type TestTenant } from "./tenant-api.ts";

/** A tenant whose only node restarts in place, and serves a balancer of one backend that echoes. */
export interface ServedRestartingAgent {
  readonly tenant: TestTenant;
  readonly agent: RestartingAgent;
  readonly port: number;
  /** A Unix socket on which the balancer listens too. */
  readonly socket: string;
  readonly balancer: WrittenBalancer;
  readonly backend: FakeBackend;
}

/** Makes them; what the agent printed is shown when the test fails. */
export async function servedRestartingAgent(
  control: { readonly url: string },
  args: readonly string[],
): Promise<ServedRestartingAgent> {
  const tenant = await signUp(control.url);
  const folder = await joinNode(onTestFinished, control, tenant);
  const socket = join(folder, "clients.sock");
  const policy = { sockets: { allow: [socket] } };
  await writeFile(join(folder, "policy.json"), JSON.stringify(policy), { mode: 0o600 });
  const agent = await startRestartingAgent(onTestFinished, folder, args);
  onTestFailed(() => console.log(agent.first.process.output()));
  await nodeIsConnected(tenant);
  const backend = await startBackend(echo);
  const port = await freePort();
  const balancer = await createBalancer(tenant, {
    port,
    backends: [backend.port],
    more: {
      bind: [`127.0.0.1:${port}`, `unix:${socket}`],
      // A host that is busy with this test is not to be taken for a dead backend.
      healthcheck: { kind: "ping", interval: "5s", timeout: "4s" },
      limits: { backendConnectionTimeout: "30s" },
    },
  });
  expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  return { tenant, agent, port, socket, balancer, backend };
}
