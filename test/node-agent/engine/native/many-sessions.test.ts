import { expect, test } from "vitest";

import { startDatagramRelay } from "../../../support/datagram-relay.ts";
import { sendFromEach, startCountingBackend } from "../../../support/fleeting-clients.ts";
import { findNative } from "../../../support/native-engine.ts";
import { findProgram } from "../../../support/run-command.ts";
import { scaled } from "../../../support/scale.ts";

const native = await findNative();

const sessionsMax = scaled(15_000, 2_000);
const sessionBytesMax = 2_048;
const timeout = 240_000;

test(
  "idle sessions by the thousand take at most 2 KB of memory each",
  { timeout },
  async ({ skip }) => {
    if (native.kind === "none") return skip(native.why);
    const backend = await startCountingBackend();
    const relay = await startDatagramRelay({ file: native.file, target: backend });
    const { port } = relay.bound;
    await sendFromEach({ port, backend, from: 0, to: 500 });
    await relay.report();
    const beforeBytes = relay.rssBytes();

    await sendFromEach({ port, backend, from: 500, to: 500 + sessionsMax });
    const after = await relay.report();

    expect(after).toMatchObject({ arrived: 500 + sessionsMax, evicted: 0, ended: 0, failed: 0 });
    // Sanitizers keep a shadow of everything, and what was freed.
    if (process.env["MIDSTREAM_TEST_SANITIZE"] === "1") return;
    expect((relay.rssBytes() - beforeBytes) / sessionsMax).toBeLessThan(sessionBytesMax);
  },
);

test("when descriptors run out the oldest session makes room, and is counted", async ({ skip }) => {
  if (native.kind === "none") return skip(native.why);
  const prlimit = await findProgram("prlimit");
  if (prlimit === undefined) return skip("prlimit is not installed");
  const [descriptors, clients] = [400, 1_500];
  const backend = await startCountingBackend();
  const under = [prlimit, `--nofile=${descriptors}`];
  const relay = await startDatagramRelay({ file: native.file, target: backend, under });

  await sendFromEach({ port: relay.bound.port, backend, from: 0, to: clients });

  const report = await relay.report();
  expect(report.arrived).toBe(clients);
  expect(report.evicted).toBe(report.failed);
  expect(report.evicted).toBeGreaterThan(clients - descriptors);
});
