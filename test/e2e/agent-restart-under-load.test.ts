import { expect, onTestFinished, test } from "vitest";

import { controlOnDatabase } from "../support/control-on-database.ts";
import { eventually } from "../support/eventually.ts";
import { scaled } from "../support/scale.ts";
import { onlyNode, statsOf } from "../support/served-balancers.ts";
import { servedRestartingAgent } from "../support/served-restarting-agent.ts";
import { steadyClients } from "../support/steady-clients.ts";
import { openClient } from "../support/test-client.ts";

test.for(["portable", "native"] as const)(
  "T12 under 1,000 connects a second nobody is refused or reset, each is answered, open connections go on, every count arrives once (an agent that restarts in place, %s)",
  async (driver, { annotate }) => {
    const { control } = await controlOnDatabase(onTestFinished);
    const served = await servedRestartingAgent(control, ["--relay", driver, "--workers", "2"]);
    const { tenant, agent, port, socket, balancer } = served;
    const long = await openClient(port);
    long.send("before ");
    await long.receives(7);
    const connects = scaled(10_000, 1_000);
    const task = { perSecond: 1_000, connects, text: "hello" };
    const before = agent.pid();

    const load = steadyClients({ ...task, targets: [port, port, port, { path: socket }] });
    await eventually(async () => (await statsOf(tenant, balancer)).totals.connections > 100);
    const restarted = await agent.restart();
    const restartedWhileBusy = performance.now();
    const end = await load;
    await annotate(
      `${restarted.output.trim()}; load went on for ${Math.round(performance.now() - restartedWhileBusy)} ms; slowest ${end.slowestMs} ms; ${JSON.stringify(end.wrong)}`,
      "measured",
    );

    if (end.answered < connects) await annotate(agent.first.process.output(), "log");
    expect(restarted).toMatchObject({ code: 0 });
    expect(agent.pid()).not.toBe(before);
    const { answered, wrong } = end;
    expect({ answered, wrong }).toEqual({ answered: connects, wrong: {} });

    long.send("after");
    await long.receives(12);
    long.finish();
    await long.isOver();
    expect(long.text()).toBe("before after");
    await agent.hasEnded(before);
    const bytes = connects * 5 + 12;
    await eventually(
      async () =>
        expect((await statsOf(tenant, balancer)).totals).toMatchObject({
          connections: connects + 1,
          rxBytes: bytes,
          txBytes: bytes,
          refused: 0,
          rejected: 0,
          activeConnections: 0,
        }),
      { withinMs: 40_000, everyMs: 200 },
    );
    expect(await onlyNode(tenant)).toMatchObject({ connected: true, state: "serving" });
  },
);
