import { createServer } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { pingProbe } from "../../../node-agent/health/ping.ts";
import { NameLookup } from "../../../node-agent/runtime/name-lookup.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const lookup = new NameLookup({ clock: systemClock() }).forSockets;
const never = new AbortController().signal;

describe("ping", () => {
  test("F-HC-09 an open port is healthy, and the connection ends at once", async () => {
    const backend = createServer();
    let open = 0;
    backend.on("connection", (socket) => {
      open += 1;
      socket.on("error", () => undefined);
      socket.on("close", () => (open -= 1));
    });
    const port = await listening(backend);

    const probe = pingProbe({ clock: systemClock(), lookup, timeoutMs: 5_000 });
    expect(await probe({ host: "127.0.0.1", port }, never)).toMatchObject({ verdict: "passed" });
    await eventually(() => open === 0);
  });

  test("F-HC-09 a closed port is unhealthy, with the system's reason", async () => {
    const backend = createServer();
    const port = await listening(backend);
    await new Promise((resolve) => backend.close(resolve));

    const probe = pingProbe({ clock: systemClock(), lookup, timeoutMs: 5_000 });
    const result = await probe({ host: "127.0.0.1", port }, never);
    expect(result).toMatchObject({ verdict: "failed", detail: "ECONNREFUSED" });
  });

  test("F-HC-09 a backend that answers nothing is unhealthy exactly when the timeout ends", async () => {
    const clock = new FakeClock();
    const target = await startBlackHole();
    const result = pingProbe({ clock, lookup, timeoutMs: 1_000 })(target, never);

    clock.advance(1_000);
    expect(await result).toEqual({ verdict: "failed", tookMs: 1_000, detail: "timeout" });
    expect(clock.timers).toBe(0);
  });

  test("an aborted check ends at once", async () => {
    const target = await startBlackHole();
    const ended = new AbortController();
    const result = pingProbe({ clock: systemClock(), lookup, timeoutMs: 0 })(target, ended.signal);
    ended.abort();

    expect(await result).toMatchObject({ verdict: "none", detail: "aborted" });
  });
});

async function listening(backend: ReturnType<typeof createServer>): Promise<number> {
  onTestFinished(() => void backend.close());
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const address = backend.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
