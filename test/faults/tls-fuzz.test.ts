import type { Socket } from "node:net";
import { createServer } from "node:tls";

import { expect, onTestFinished, test } from "vitest";

import { descriptorsOf } from "../support/agent-traffic.ts";
import { eventually } from "../support/eventually.ts";
import { startBackend, type FakeBackend } from "../support/fake-backend.ts";
import { fuzzBackend, fuzzSession } from "../support/fuzz-actors.ts";
import { fuzzHandshake } from "../support/fuzz-handshake.ts";
import { startProcess } from "../support/processes.ts";
import { findSanitized } from "../support/sanitized-engine.ts";
import { scaled } from "../support/scale.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { testCertificate } from "../support/test-certificates.ts";
import type { TlsEnginePlan } from "../support/tls-engine-main.ts";

const clients = 24;
const forMs = scaled(40_000, 5_000);
/** Splice pipes that an engine keeps for later. */
const keptDescriptorsMax = 64;

// Outside of the test: on a busy host the compiler may take longer than it.
const sanitized = await findSanitized();

test(
  "an engine with sanitizers carries TLS that is cut, reset, half-closed and read slowly, and hellos that are none",
  { timeout: forMs + 240_000 },
  async ({ skip, annotate }) => {
    if (sanitized.kind === "none") return skip(sanitized.why);
    const seed = Number(process.env["MIDSTREAM_TEST_SEED"] ?? 1);
    const random = seededRandom(seed);
    const plain = await startBackend(fuzzBackend(random));
    const secure = await startSecureFuzzBackend(random);
    const pair = { certificatePem: testCertificate.cert, keyPem: testCertificate.key };
    const plan: TlsEnginePlan = {
      driver: "native",
      addon: sanitized.environment["MIDSTREAM_NATIVE_ADDON"] ?? "",
      listeners: [
        { pair, backendPort: plain.port },
        { pair, backendPort: secure.port, securesBackend: true },
        { backendPort: secure.port, securesBackend: true },
      ],
      // On a busy host an honest handshake takes a while.
      handshakeMs: 5_000,
    };
    const running = startProcess(onTestFinished, {
      name: "engine",
      command: ["test/support/tls-engine-main.ts", JSON.stringify(plan)],
      environment: sanitized.environment,
    });
    const { ports } = await running.ready();
    const [opens, seals, hides] = portsIn(ports);
    const openBefore = descriptorsOf(running.pid);

    const problems: string[] = [];
    let [sessions, handshakes] = [0, 0];
    const endMs = performance.now() + forMs;
    const oneAfterAnother = async (): Promise<void> => {
      while (performance.now() < endMs && running.isRunning) {
        const port = random() < 0.5 ? opens : seals;
        if (random() < 0.4) {
          const problem = await fuzzHandshake({ port, random, withinMs: 30_000 });
          if (problem !== undefined) problems.push(problem);
          handshakes += 1;
        } else {
          const isSecure = random() < 0.7;
          const to = isSecure ? port : hides;
          const session = await fuzzSession({ port: to, random, isSecure, withinMs: 30_000 });
          const { problem, mode, ending } = session;
          if (problem !== undefined) problems.push(`${to} ${mode} ${ending}: ${problem}`);
          sessions += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: clients }, oneAfterAnother));

    expect(running.output()).not.toMatch(/Sanitizer|runtime error/);
    expect(running.isRunning, running.output()).toBe(true);
    expect(problems, `seed ${seed}`).toEqual([]);
    for (const socket of [...plain.sockets, ...secure.sockets]) socket.destroy();
    await eventually(() => descriptorsOf(running.pid) <= openBefore + keptDescriptorsMax);
    await annotate(
      `${sessions} sessions, ${handshakes} handshakes in ${forMs / 1_000} s, seed ${seed}`,
      "measured",
    );
    expect(sessions).toBeGreaterThan(clients);
    expect(handshakes).toBeGreaterThan(0);
    expect(await running.stop()).toMatchObject({ code: 0 });
  },
);

/** The same backend inside of TLS. */
function startSecureFuzzBackend(random: () => number): Promise<FakeBackend> {
  const wires = new Map<number | undefined, Socket>();
  const behave = fuzzBackend(random, (socket) => wires.get(socket.remotePort));
  const inside = createServer({ ...testCertificate, allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    behave(socket);
  });
  inside.on("tlsClientError", () => undefined);
  return startBackend((wire) => {
    const port = wire.remotePort;
    wires.set(port, wire);
    wire.on("close", () => wires.delete(port));
    inside.emit("connection", wire);
  });
}

function portsIn(value: unknown): readonly [number, number, number] {
  const [first = 0, second = 0, third = 0] = Array.isArray(value) ? value.map(Number) : [];
  return [first, second, third];
}
