import { readdirSync } from "node:fs";

import { expect, onTestFinished, test } from "vitest";

import { entryFor } from "../node-agent/apply/balancers.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { fuzzBackend, fuzzSession, type FuzzedSession } from "../support/fuzz-actors.ts";
import { findSanitized } from "../support/sanitized-engine.ts";
import { scaled } from "../support/scale.ts";
import { seededRandom } from "../support/seeded-random.ts";

const clients = 40;
const forMs = scaled(60_000, 5_000);
/** Splice pipes that an engine keeps for later. */
const keptDescriptorsMax = 64;

test(
  "an agent with sanitizers carries clients that cut, reset, half-close and read slowly at random",
  { timeout: forMs + 60_000 },
  async ({ skip, annotate }) => {
    const sanitized = await findSanitized();
    if (sanitized.kind === "none") return skip(sanitized.why);
    const random = seededRandom(Number(process.env["MIDSTREAM_TEST_SEED"] ?? 1));
    const backend = await startBackend(fuzzBackend(random));
    const agent = await agentUnderTest(onTestFinished, { environment: sanitized.environment });
    const [plain, impatient] = [await freePort(), await freePort()];
    await agent.store(
      agent.publisher.snapshot(1, [
        entryOn("bal_plain", plain, backend.port, {}),
        entryOn("bal_impatient", impatient, backend.port, { clientIdleTimeout: "2s" }),
      ]),
    );
    const { process: running, adminUrl } = await agent.run("--relay", "native", "--workers", "2");
    const openBefore = descriptorsOf(running.pid);

    const sessions: FuzzedSession[] = [];
    const endMs = performance.now() + forMs;
    const oneAfterAnother = async (): Promise<void> => {
      while (performance.now() < endMs && running.isRunning) {
        const port = random() < 0.8 ? plain : impatient;
        sessions.push(await fuzzSession({ port, random, withinMs: 30_000 }));
      }
    };
    await Promise.all(Array.from({ length: clients }, oneAfterAnother));

    expect(running.output()).not.toMatch(/Sanitizer|runtime error/);
    expect(running.isRunning, running.output()).toBe(true);
    expect(sessions.filter(({ problem }) => problem !== undefined)).toEqual([]);
    for (const socket of backend.sockets) socket.destroy();
    await eventually(async () => (await activeConnections(adminUrl)) === 0, { withinMs: 30_000 });
    await eventually(() => descriptorsOf(running.pid) <= openBefore + keptDescriptorsMax);
    await annotate(`${sessions.length} sessions in ${forMs / 1_000} s`, "measured");
    expect(sessions.length).toBeGreaterThan(clients);
    expect(await running.stop()).toMatchObject({ code: 0 });
  },
);

function entryOn(
  id: string,
  port: number,
  backendPort: number,
  limits: Readonly<Record<string, string>>,
) {
  return entryFor(id, {
    bind: [`127.0.0.1:${port}`],
    healthcheck: { kind: "none" },
    limits,
    discovery: { kind: "static", backends: [{ host: "127.0.0.1", port: backendPort }] },
  });
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function activeConnections(adminUrl: string): Promise<number> {
  const answer: unknown = await (await fetch(`${adminUrl}/status.json`)).json();
  const { balancers } = answer as { balancers: readonly { activeConnections: number }[] };
  return balancers.reduce((sum, one) => sum + one.activeConnections, 0);
}
