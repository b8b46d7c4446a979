import { expect, onTestFinished, test } from "vitest";

import { activeConnections, descriptorsOf, entryOn } from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { fuzzBackend, fuzzSession, type FuzzedSession } from "../support/fuzz-actors.ts";
import { findSanitized } from "../support/sanitized-engine.ts";
import { scaled } from "../support/scale.ts";
import { seededRandom } from "../support/seeded-random.ts";

const clients = 40;
const limits = { clientIdleTimeout: "2s" };
const forMs = scaled(60_000, 5_000);
/** Splice pipes that an engine keeps for later. */
const keptDescriptorsMax = 64;

// Outside of the test: on a busy host the compiler may take longer than it.
const sanitized = await findSanitized();

test(
  "an agent with sanitizers carries clients that cut, reset, half-close and read slowly at random",
  { timeout: forMs + 240_000 },
  async ({ skip, annotate }) => {
    if (sanitized.kind === "none") return skip(sanitized.why);
    const random = seededRandom(Number(process.env["MIDSTREAM_TEST_SEED"] ?? 1));
    const backend = await startBackend(fuzzBackend(random));
    const agent = await agentUnderTest(onTestFinished, { environment: sanitized.environment });
    const [plain, impatient] = [await freePort(), await freePort()];
    await agent.store(
      agent.publisher.snapshot(1, [
        entryOn("bal_plain", { port: plain, backend: backend.port }),
        entryOn("bal_impatient", { port: impatient, backend: backend.port }, { limits }),
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
    await eventually(async () => (await activeConnections(adminUrl)) === 0);
    await eventually(() => descriptorsOf(running.pid) <= openBefore + keptDescriptorsMax);
    await annotate(`${sessions.length} sessions in ${forMs / 1_000} s`, "measured");
    expect(sessions.length).toBeGreaterThan(clients);
    expect(await running.stop()).toMatchObject({ code: 0 });
  },
);
