import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { listenerTerms } from "../../../contracts/engine/datagram-rig.ts";
import { startDatagramRelay } from "../../../support/datagram-relay.ts";
import { findNative } from "../../../support/native-engine.ts";
import { findProgram, runCommand } from "../../../support/run-command.ts";

const native = await findNative();

/**
 * client 10.77.1.2 and .3 ── relay 10.77.1.1, 10.77.2.1 ── backend 10.77.2.2, each a namespace. What
 * comes back from the backend is for the clients' addresses, and the relay takes it as its own.
 */
const clients = ["10.77.1.2", "10.77.1.3"] as const;
const relayHost = "10.77.1.1";
const backendAt = { host: "10.77.2.2", port: 5_353 };

test.for([
  { row: "F-UDP-12", mode: "sessions" },
  { row: "X-UDP-21", mode: "single" },
] as const)(
  "$row the backend sees each client's own address and port, with $mode",
  async ({ mode }, { skip }) => {
    if (native.kind === "none") return skip(native.why);
    const made = await makeNamespaces();
    if (!made.ok) return skip(`no network namespaces: ${made.why}`);
    const backend = await runIn(made.names.backend, backendSource);
    const under = ["ip", "netns", "exec", made.names.relay];
    const { file } = native;
    const relay = await startDatagramRelay({
      ...{ file, host: relayHost, target: backendAt, mode, under },
      transparent: true,
    });
    expect(relay.bound).toMatchObject({ ok: true });
    // Both use one port: only their addresses tell them apart. Again, so that no address sticks.
    const client = await runIn(made.names.client, clientSource(relay.bound.port));

    const seen: string[] = [];
    for (let count = 0; count < 4; count += 1) seen.push(await backend.next());
    expect(seen.toSorted()).toEqual(
      clients.flatMap((address) => [`${address}:7001 a`, `${address}:7001 b`]).toSorted(),
    );
    if (mode === "single") return;
    // And the replies come from the address that the clients asked.
    const replies: string[] = [];
    for (let count = 0; count < 4; count += 1) replies.push(await client.next());
    const from = `${relayHost}:${relay.bound.port}`;
    expect(replies.toSorted()).toEqual(
      clients.flatMap((to) => [`${to} ${from} a`, `${to} ${from} b`]).toSorted(),
    );
  },
);

test("F-UDP-12 without the privilege a transparent listener is refused, and says why", async ({
  skip,
}) => {
  if (native.kind === "none") return skip(native.why);
  if (process.getuid?.() !== 0) {
    const engine = native.create({ clock: systemClock(), onEvents: () => undefined });
    onTestFinished(() => engine.stop());
    const address = { host: "127.0.0.1", port: 0 };
    const terms = { ...listenerTerms, transparent: true };
    expect(await engine.datagrams?.bind(1, { address, reusePort: false, terms })).toMatchObject({
      ok: false,
      code: "EPERM",
    });
    return;
  }
  const setpriv = await findProgram("setpriv");
  if (setpriv === undefined) return skip("setpriv is not installed");
  const relay = await startDatagramRelay({
    file: native.file,
    target: backendAt,
    transparent: true,
    under: [setpriv, "--bounding-set=-net_admin,-net_raw", "--inh-caps=-net_admin,-net_raw"],
  });

  expect(relay.bound).toMatchObject({ ok: false, code: "EPERM" });
});

type Namespaces =
  | { readonly ok: true; readonly names: Record<"client" | "relay" | "backend", string> }
  | { readonly ok: false; readonly why: string };

async function makeNamespaces(): Promise<Namespaces> {
  if ((await findProgram("ip")) === undefined) return { ok: false, why: "ip is not installed" };
  const tag = `ms${process.pid}`;
  const names = { client: `${tag}c`, relay: `${tag}r`, backend: `${tag}b` };
  for (const name of Object.values(names)) {
    const made = await runCommand(["ip", "netns", "add", name]);
    if (made.code !== 0) return { ok: false, why: made.stderr.trim() };
    onTestFinished(async () => void (await runCommand(["ip", "netns", "delete", name])));
  }
  const commands = [
    `link add c0 netns ${names.client} type veth peer name r0 netns ${names.relay}`,
    `link add b0 netns ${names.backend} type veth peer name r1 netns ${names.relay}`,
    ...clients.map((address) => `-n ${names.client} address add ${address}/24 dev c0`),
    `-n ${names.relay} address add ${relayHost}/24 dev r0`,
    `-n ${names.relay} address add 10.77.2.1/24 dev r1`,
    `-n ${names.backend} address add ${backendAt.host}/24 dev b0`,
    `-n ${names.client} link set c0 up`,
    `-n ${names.relay} link set lo up`,
    `-n ${names.relay} link set r0 up`,
    `-n ${names.relay} link set r1 up`,
    `-n ${names.backend} link set b0 up`,
    `-n ${names.backend} route add default via 10.77.2.1`,
    `-n ${names.relay} rule add iif r1 lookup 100`,
    `-n ${names.relay} route add local 0.0.0.0/0 dev lo table 100`,
  ];
  for (const command of commands) {
    const done = await runCommand(["ip", ...command.split(" ")]);
    if (done.code !== 0) return { ok: false, why: `ip ${command}: ${done.stderr.trim()}` };
  }
  return { ok: true, names };
}

/** Tells each datagram's sender and text, and sends it back. */
const backendSource = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (bytes, from) => {
    console.log(from.address + ":" + from.port + " " + bytes);
    socket.send(bytes, from.port, from.address);
  });
  socket.bind(${backendAt.port}, "${backendAt.host}", () => console.log("ready"));
`;

/** Each address sends two datagrams, and tells what comes back and from where. */
function clientSource(port: number): string {
  return `
    for (const address of ${JSON.stringify(clients)}) {
      const socket = require("node:dgram").createSocket("udp4");
      socket.on("message", (bytes, from) =>
        console.log(address + " " + from.address + ":" + from.port + " " + bytes));
      socket.bind(7001, address, () => {
        socket.send("a", ${port}, "${relayHost}", () => socket.send("b", ${port}, "${relayHost}"));
        if (address === "${clients[1]}") console.log("ready");
      });
    }
  `;
}

/** Runs a script in a namespace, once it is ready; `next` is the next line that it prints. */
async function runIn(
  namespace: string,
  source: string,
): Promise<{ readonly next: () => Promise<string> }> {
  const args = ["netns", "exec", namespace, process.execPath, "--eval", source];
  const child = spawn("ip", args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  if ((await next()) !== "ready") throw new Error(`nothing came out of ${namespace}`);
  return { next };
}
