import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { boundPorts } from "../bench/measure/proc.ts";
import { entryOn } from "../support/agent-traffic.ts";
import { agentUnderTest } from "../support/agent-under-test.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { cleanEnvironment, repository } from "../support/processes.ts";
import { findProgram, outputOf, runCommand } from "../support/run-command.ts";

const backendPort = 5_353;
const clients = 200;

const cases = (await bothDrivers()).flatMap((driver) => [
  { ...driver, title: "its own choice of address", udp: {} },
  { ...driver, title: "sourceAddress", udp: { sourceAddress: "127.0.0.1" } },
]);

test.for(cases)(
  "X-UDP-16 without a port left to send from ($driver, $title) the oldest session makes room for each new one, and every datagram arrives",
  async ({ driver, missing, udp }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    const inside = await namespaceOfFewPorts();
    if (typeof inside === "string") return skip(inside);
    const under = await agentUnderTest(onTestFinished);
    const route = { port: 4_353, backend: backendPort };
    const more = { protocol: "udp", limits: { clientIdleTimeout: "1h" }, udp };
    await under.store(under.publisher.snapshot(1, [entryOn("bal_a", route, more)]));
    await runAgent(inside, ["--data", under.folder, "--relay", driver]);
    await eventually(
      async () => boundPorts(await outputOf([...inside, "cat", "/proc/net/udp"])).has(route.port),
      { everyMs: 100 },
    );

    const script = [process.execPath, "--eval", clientsSource(route.port)];
    expect(await outputOf([...inside, ...script])).toBe(`${clients}\n`);
  },
);

/** What runs a command where the system has 64 ports to give away; a text says why there is no such place. */
async function namespaceOfFewPorts(): Promise<readonly string[] | string> {
  if ((await findProgram("ip")) === undefined) return "ip is not installed";
  const name = `ms${process.pid}p`;
  const made = await runCommand(["ip", "netns", "add", name]);
  if (made.code !== 0) return `no network namespaces: ${made.stderr.trim()}`;
  onTestFinished(async () => void (await runCommand(["ip", "netns", "delete", name])));
  const inside = ["ip", "netns", "exec", name];
  await outputOf(["ip", "-n", name, "link", "set", "lo", "up"]);
  const range = "/proc/sys/net/ipv4/ip_local_port_range";
  await outputOf([...inside, "sh", "-c", `echo 40000 40063 > ${range}`]);
  return inside;
}

async function runAgent(inside: readonly string[], more: readonly string[]): Promise<void> {
  const [program = "", ...before] = inside;
  const main = [process.execPath, join(repository, "node-agent/main.ts"), "run", "--workers", "1"];
  const child = spawn(program, [...before, ...main, ...more], {
    env: cleanEnvironment(),
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await once(child, "spawn");
}

/** A backend that counts, and clients that say one thing each, in turn; prints how much arrived. */
function clientsSource(port: number): string {
  return `
    const { createSocket } = require("node:dgram");
    const backend = createSocket("udp4");
    let count = 0;
    let next = 0;
    const end = () => {
      console.log(count);
      process.exit();
    };
    const speak = () => {
      if (next === ${clients}) return end();
      const socket = createSocket("udp4");
      next += 1;
      socket.bind(7001, "127.1.0." + next, () =>
        socket.send("x", ${port}, "127.0.0.1", () => socket.close()));
    };
    backend.on("message", () => {
      count += 1;
      speak();
    });
    backend.bind(${backendPort}, "127.0.0.1", speak);
    setTimeout(end, 20_000);
  `;
}
