import { beforeAll, expect, onTestFailed, onTestFinished, test } from "vitest";

import { joinNode } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import type { ControlProcess } from "../support/control-process.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { nodeIsConnected } from "../support/linked-agent.ts";
import { startRestartingAgent } from "../support/restarting-agent.ts";
import { createBalancer, statsOf } from "../support/served-balancers.ts";
import { suiteCleanup } from "../support/suite-cleanup.ts";
import { signUp } from "../support/tenant-api.ts";
import { startUdpBackend, type UdpBackend } from "../support/udp-backend.ts";
import { openUdpClient, type UdpClient } from "../support/udp-client.ts";

const cleanup = suiteCleanup();
let control: ControlProcess;
beforeAll(async () => {
  ({ control } = await controlOnDatabase(cleanup));
});

const clients = 10;
const everyMs = 40;

/** Says `0`, `1`, … at its pace, whatever comes back. */
interface Speaker {
  readonly client: UdpClient;
  readonly said: () => number;
  readonly stop: () => void;
}

function speak(client: UdpClient): Speaker {
  let said = 0;
  const timer = setInterval(() => {
    void client.send(String(said));
    said += 1;
  }, everyMs);
  const stop = (): void => clearInterval(timer);
  onTestFinished(stop);
  return { client, said: () => said, stop };
}

test.for(["portable", "native"] as const)(
  "UDP clients go on while an agent restarts (%s): each datagram is answered once, by iphash's same backend, late replies arrive, and counts are whole",
  async (driver) => {
    const tenant = await signUp(control.url);
    const folder = await joinNode(onTestFinished, control, tenant);
    const agent = await startRestartingAgent(onTestFinished, folder, [
      ...["--relay", driver, "--workers", "2"],
    ]);
    onTestFailed(() => console.log(agent.first.process.output()));
    await nodeIsConnected(tenant);
    const named = (name: string) => (datagram: Buffer) =>
      datagram.toString() === "late" ? undefined : `${name} ${datagram.toString()}`;
    const backends = [await startUdpBackend(named("a")), await startUdpBackend(named("b"))];
    const port = await freePort();
    const balancer = await createBalancer(tenant, {
      port,
      backends: backends.map((backend) => backend.port),
      more: {
        protocol: "udp",
        strategy: "iphash",
        healthcheck: { kind: "none" },
        // Longer than a restart takes on a busy host: the late reply needs its session.
        limits: { clientIdleTimeout: "6s" },
      },
    });
    const waiting = await openUdpClient({ port }, { host: "127.0.0.99" });
    await waiting.send("late");
    const isAsked = ({ received }: UdpBackend): boolean => received.length === 1;
    await eventually(() => backends.some(isAsked));
    const late = backends.find(isAsked);
    const [session = ""] = late?.senders ?? [];
    const speakers: Speaker[] = [];
    for (let index = 1; index <= clients; index += 1) {
      speakers.push(speak(await openUdpClient({ port }, { host: `127.0.0.${index}` })));
    }
    await eventually(() => speakers.every(({ client }) => client.received.length > 10));
    const before = agent.pid();

    expect(await agent.restart()).toMatchObject({ code: 0 });
    late?.say("at last", session);
    const saidBy = speakers.map(({ said }) => said());
    await eventually(() => speakers.every(({ said }, index) => said() > (saidBy[index] ?? 0) + 10));
    for (const { stop } of speakers) stop();

    for (const { client, said } of speakers) {
      await eventually(() => client.received.length === said());
      const [name = ""] = client.texts()[0]?.split(" ") ?? [];
      const expected = Array.from({ length: said() }, (_, number) => `${name} ${number}`);
      expect(new Set(client.texts())).toEqual(new Set(expected));
      expect(new Set(client.received.map(({ from }) => from.port))).toEqual(new Set([port]));
    }
    await eventually(() => waiting.texts().length === 1);
    expect(waiting.texts()).toEqual(["at last"]);
    expect(agent.pid()).not.toBe(before);
    await agent.hasEnded(before);
    const datagrams = backends.flatMap(({ received }) => received);
    const sentBytes = datagrams.reduce((sum, { length }) => sum + length, 0);
    const answers = speakers.flatMap(({ client }) => client.texts());
    const answerBytes = [...answers, "at last"].reduce((sum, { length }) => sum + length, 0);
    await eventually(
      async () =>
        expect((await statsOf(tenant, balancer)).totals).toMatchObject({
          // Each speaker had one with the process before, and has had one with its successor.
          connections: 2 * clients + 1,
          txBytes: sentBytes,
          rxBytes: answerBytes,
          rejected: 0,
          activeConnections: 0,
        }),
      { withinMs: 60_000, everyMs: 200 },
    );
  },
);
