import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { closeCodes } from "#shared/wire/protocol.ts";

import { chooseEngine } from "../../../node-agent/engine/choose-engine.ts";
import { agentUnderTest } from "../../support/agent-under-test.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { ask, openClient } from "../../support/test-client.ts";
import { entryFor } from "../apply/balancers.ts";

describe("start", () => {
  test("serves the last good snapshot at once, without a control plane, and says how fast", async ({
    annotate,
  }) => {
    const agent = await agentUnderTest(onTestFinished);
    const { port, entry } = await servedBy("still here");
    await agent.store(agent.publisher.snapshot(1, [entry]));
    await agent.control.stop();
    const startedMs = performance.now();
    const { ready, process } = await agent.run();
    const waitedMs = performance.now() - startedMs;
    expect(await ask(port)).toBe("still here");
    const chosen = chooseEngine(undefined);
    const driver = chosen.ok ? chosen.choice.driver : undefined;
    expect(ready).toMatchObject({ balancers: 1, failing: 0, driver });
    const sinceStart = await eventually(() => {
      const found = /"sinceProcessStartMs":(\d+)/.exec(process.output())?.[1];
      expect(found).toBeDefined();
      return Number(found);
    });
    await annotate(`from process start to listening: ${sinceStart} ms`, "measured");
    // It is the process's own age: more than nothing, and less than we waited for it.
    expect(sinceStart).toBeGreaterThan(0);
    expect(sinceStart).toBeLessThan(waitedMs);
  });

  test("without a snapshot and without a control plane it waits, and is not ready", async () => {
    const agent = await agentUnderTest(onTestFinished);
    await agent.control.stop();
    const { adminUrl, process } = await agent.run();
    expect((await fetch(`${adminUrl}/healthz`)).status).toBe(200);
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(503);
    expect(process.isRunning).toBe(true);
  });

  test("connects while it serves: takes what is newer, shows it, and reports exactly what flowed", async () => {
    const agent = await agentUnderTest(onTestFinished);
    const { control, publisher } = agent;
    control.welcome = { statisticsMs: 100 };
    const first = await servedBy("one");
    const second = await servedBy("two");
    const s1 = publisher.snapshot(1, [first.entry]);
    await agent.store(s1);
    const { adminUrl } = await agent.run();
    const link = await control.link(1);
    expect(link.frames[0]).toMatchObject({ t: "hello", have: s1.version });
    expect(await link.next("ack")).toMatchObject({
      nonce: null,
      version: s1.version,
      phase: "serving",
    });

    const to = publisher.version(2, [first.entry, second.entry]);
    link.send({
      ...{ t: "delta", nonce: "n", base: s1.version, to, up: [second.entry], del: [], secrets: {} },
      signature: publisher.signature(to),
    });
    expect(await link.next("ack")).toMatchObject({ nonce: "n", version: to, durable: true });
    expect(await ask(second.port, "hello")).toBe("two");
    const status: unknown = await (await fetch(`${adminUrl}/status.json`)).json();
    expect(status).toMatchObject({
      phase: "serving",
      link: { stage: "open" },
      snapshot: { version: { rev: 2 } },
    });
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200);
    await eventually(async () =>
      expect(await (await fetch(`${adminUrl}/metrics`)).text()).toMatch(
        /midstream_agent_balancer_rx_bytes_total\{balancer="bal_two",name="bal-two"\} 3\n/,
      ),
    );
    await eventually(() => {
      const rows = link.frames.flatMap((frame) => (frame.t === "st" ? frame.report.rows : []));
      const own = rows.filter(({ balancer, backend }) => balancer === "bal_two" && backend === "");
      const sums = [0, 3, 4].map((column) =>
        own.reduce((sum, row) => sum + (row.counters[column] ?? 0), 0),
      );
      expect(sums).toEqual([1, 3, 5]);
    });
  });

  test("a snapshot that was changed on disk is not served: the one before is, and the control plane hears of it", async () => {
    const agent = await agentUnderTest(onTestFinished);
    const { publisher } = agent;
    const [before, changed] = [await servedBy("before"), await servedBy("changed")];
    const tampered = publisher.snapshot(2, [changed.entry]);
    await agent.store(publisher.snapshot(1, [before.entry]), tampered);
    const body = { ...(tampered.entries[0]?.body as object), strategy: "roundrobin" };
    const entries = tampered.entries.map((entry) => ({ ...entry, body }));
    await writeFile(
      join(agent.folder, "snapshots/current.json"),
      JSON.stringify({ ...tampered, entries }),
    );
    await agent.run();
    expect(await ask(before.port)).toBe("before");
    const link = await agent.control.link(1);
    expect(link.frames[0]).toMatchObject({ t: "hello", have: { rev: 1 } });
    const { events } = await link.next("ev");
    expect(events).toMatchObject([{ kind: "snapshot.refused" }]);
    expect(events[0]?.detail).toContain("bad-hash");
  });

  test("killed again and again right after its start, it goes back to the snapshot before, and says so", async () => {
    const agent = await agentUnderTest(onTestFinished);
    const { publisher, control } = agent;
    const [good, bad] = [await servedBy("good"), await servedBy("bad")];
    await agent.store(publisher.snapshot(1, [good.entry]), publisher.snapshot(2, [bad.entry]));
    for (const start of [1, 2, 3]) {
      const { process } = await agent.run();
      const link = await control.link(start);
      expect(link.frames[0]).toMatchObject({ t: "hello", have: { rev: 2 } });
      await process.kill();
    }
    const before = control.links.length;
    await agent.run();
    expect(await ask(good.port)).toBe("good");
    const link = await control.link(before + 1);
    expect(link.frames[0]).toMatchObject({ t: "hello", have: { rev: 1 } });
    expect(await link.next("ev")).toMatchObject({ events: [{ kind: "snapshot.reverted" }] });
    const to = publisher.version(2, [bad.entry]);
    link.send({
      ...{
        t: "delta",
        nonce: "again",
        base: publisher.version(1, [good.entry]),
        to,
        up: [bad.entry],
      },
      ...{
        del: [{ kind: "balancer", id: good.entry.id }],
        secrets: {},
        signature: publisher.signature(to),
      },
    });
    expect(await link.next("nack")).toMatchObject({
      nonce: "again",
      errors: [{ code: "crash-loop" }],
    });
  });

  test("the local policy wins over the control plane", async () => {
    const agent = await agentUnderTest(onTestFinished);
    const [allowed, other] = [await servedBy("allowed"), await servedBy("denied")];
    const policy = { bind: { ports: [`${allowed.port}`] } };
    await writeFile(join(agent.folder, "policy.json"), JSON.stringify(policy));
    await agent.store(agent.publisher.snapshot(1, [allowed.entry, other.entry]));
    await agent.run();
    expect(await ask(allowed.port)).toBe("allowed");
    const link = await agent.control.link(1);
    expect(await link.next("nack")).toMatchObject({
      partial: true,
      errors: [{ id: other.entry.id, pointer: "/bind/0", code: "denied-by-policy" }],
    });
    expect(await link.next("ev")).toMatchObject({ events: [{ kind: "policy.denied" }] });
  });

  test.each([
    ["an invalid policy", '{"bind":{"ports":["0"]},"more":1}', ["/bind/ports/0", "/more"]],
    ["a policy that is not JSON", "bind: all", ["is not JSON"]],
  ])(
    "%s keeps the agent from starting, with everything that is wrong with it",
    async (_what, text, says) => {
      const agent = await agentUnderTest(onTestFinished);
      await writeFile(join(agent.folder, "policy.json"), text);
      const running = agent.start();
      expect(await running.ended).toEqual({ code: 1, signal: null });
      for (const problem of says) expect(running.output()).toContain(problem);
    },
  );

  test("a second agent on the same folder is refused, and the first serves on", async () => {
    const agent = await agentUnderTest(onTestFinished);
    const { process } = await agent.run();
    const second = agent.start();
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.output()).toContain("another agent runs on");
    expect(process.isRunning).toBe(true);
  });

  test("a folder that no node joined in is refused, with what to do", async () => {
    const agent = await agentUnderTest(onTestFinished);
    const running = agent.start("--data", `${agent.folder}/nothing`);
    expect((await running.ended).code).toBe(1);
    expect(running.output()).toContain("begin with join --data");
  });
});

describe("end", () => {
  test("SIGTERM: not ready any more, no new connections, open ones finish, their bytes are reported, bye, and 0", async () => {
    const { agent, running, port, client, link } = await serving();
    running.process.signal("SIGTERM");
    await eventually(async () =>
      expect((await fetch(`${running.adminUrl}/readyz`)).status).toBe(503),
    );
    await eventually(async () => {
      const late = await openClient(port);
      // One that still got through must not be what the agent waits for.
      late.socket.destroySoon();
      expect(late.errorCode).toBe("ECONNREFUSED");
    });
    client.send("after");
    await client.receives(10);
    client.finish();
    expect(await running.process.ended).toEqual({ code: 0, signal: null });
    await eventually(() =>
      expect(link.frames.at(-1)).toMatchObject({ t: "bye", code: closeCodes.goingAway }),
    );
    const rows = link.frames.flatMap((frame) => (frame.t === "st" ? frame.report.rows : []));
    const txBytes = rows
      .filter(({ backend }) => backend === "")
      .reduce((sum, { counters }) => sum + (counters[4] ?? 0), 0);
    expect(txBytes).toBe(10);
    expect(agent.control.links.length).toBe(1);
  });

  test("connections that do not end in time are cut, and it ends with 0", async () => {
    const { running, client } = await serving("--drain-timeout", "300ms");
    running.process.signal("SIGTERM");
    await client.isOver();
    expect(await running.process.ended).toEqual({ code: 0, signal: null });
  });

  test("a second SIGTERM ends at once, whatever is open", async () => {
    const { running, client } = await serving();
    running.process.signal("SIGTERM");
    await eventually(async () =>
      expect((await fetch(`${running.adminUrl}/readyz`)).status).toBe(503),
    );
    running.process.signal("SIGTERM");
    expect(await running.process.ended).toEqual({ code: 1, signal: null });
    await client.isOver();
  });

  test("the death of whoever started it ends it soon", async () => {
    const { running, client, link } = await serving();
    running.process.disconnect();
    expect(await running.process.ended).toEqual({ code: 0, signal: null });
    await client.isOver();
    await eventually(() => expect(link.frames.at(-1)).toMatchObject({ t: "bye" }));
  });

  test("while somebody else decides about its end, SIGINT is not meant for it", async () => {
    const { running, client } = await serving();
    running.process.signal("SIGINT");
    client.send("still");
    await client.receives(10);
    expect(running.process.isRunning).toBe(true);
  });
});

async function servedBy(text: string) {
  const backend = await startBackend(greet(text));
  const port = await freePort();
  return { port, entry: entryOn(`bal_${text.replaceAll(" ", "_")}`, port, backend.port) };
}

/** An agent with one open connection through it, five bytes each way. */
async function serving(...args: readonly string[]) {
  const agent = await agentUnderTest(onTestFinished);
  agent.control.welcome = { statisticsMs: 100 };
  const backend = await startBackend(echo);
  const port = await freePort();
  await agent.store(agent.publisher.snapshot(1, [entryOn("bal_echo", port, backend.port)]));
  const running = await agent.run(...args);
  const link = await agent.control.link(1);
  const client = await openClient(port);
  client.send("first");
  await client.receives(5);
  return { agent, running, port, client, link };
}

function entryOn(id: string, port: number, backendPort: number) {
  const backends = [{ host: "127.0.0.1", port: backendPort }];
  return entryFor(id, { bind: [`127.0.0.1:${port}`], discovery: { kind: "static", backends } });
}
