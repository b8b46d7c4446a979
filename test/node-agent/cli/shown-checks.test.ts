import { expect, onTestFinished, test } from "vitest";

import { agentUnderTest } from "../../support/agent-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { startHttpBackend } from "../../support/http-backend.ts";
import { entryFor } from "../apply/balancers.ts";

interface Shown {
  readonly balancers: readonly {
    readonly backends: readonly { readonly live: boolean; readonly checks: readonly Check[] }[];
  }[];
}

interface Check {
  readonly atMs: number;
  readonly verdict: string;
  readonly tookMs: number;
  readonly detail: string;
}

test("X-HC-30 the agent's status shows the last results with reason and duration, and events tell the flips", async () => {
  const agent = await agentUnderTest(onTestFinished);
  let status = 200;
  const backend = await startHttpBackend((_, response) => {
    setTimeout(() => response.writeHead(status).end(), 20);
  });
  const healthcheck = { kind: "http", interval: "50ms", timeout: "5s", fails: 1 };
  const entry = entryFor("bal_shop", {
    bind: [`127.0.0.1:${await freePort()}`],
    discovery: { kind: "static", backends: [{ host: backend.host, port: backend.port }] },
    healthcheck,
  });
  await agent.store(agent.publisher.snapshot(1, [entry]));
  const { adminUrl } = await agent.run();
  const link = await agent.control.link(1);
  const shown = async (): Promise<Shown["balancers"][number]["backends"][number]> => {
    // Guarantee: the agent's own answer, whose form the assertions look at.
    const answer = (await (await fetch(`${adminUrl}/status.json`)).json()) as Shown;
    const [one] = answer.balancers.flatMap(({ backends }) => backends);
    if (one === undefined) throw new Error("no backend is shown");
    return one;
  };
  await eventually(async () => expect((await shown()).checks).toHaveLength(10));
  const passed = await shown();
  expect(passed.live).toBe(true);
  for (const check of passed.checks) {
    expect(check).toMatchObject({ verdict: "passed", detail: "" });
    expect(check.tookMs).toBeGreaterThanOrEqual(19);
  }
  const times = passed.checks.map(({ atMs }) => atMs);
  expect(times).toEqual(times.toSorted((a, b) => b - a));

  status = 503;
  await eventually(async () =>
    expect((await shown()).checks[0]).toMatchObject({ verdict: "failed", detail: "status 503" }),
  );
  expect((await shown()).live).toBe(false);
  await eventually(() => {
    const events = link.frames.flatMap((frame) => (frame.t === "ev" ? frame.events : []));
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "backend.down",
        balancer: "bal_shop",
        backend: `127.0.0.1:${backend.port}`,
        detail: "status 503",
      }),
    );
  });
});
