import { describe, expect, test } from "vitest";

import type { Clock } from "#shared/base/clock.ts";
import { systemClock } from "#shared/base/clock.ts";

import type { Probe } from "../../../node-agent/health/probe.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { eventually } from "../../support/eventually.ts";
import { startBackend, type BackendBehaviour } from "../../support/fake-backend.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { openSockets } from "../../support/open-sockets.ts";

/** A kind of check, and a backend that passes it. */
export interface ProbeSubject {
  readonly name: string;
  readonly create: (deps: { readonly clock: Clock; readonly timeoutMs: number }) => Probe;
  readonly healthy: BackendBehaviour;
}

const never = new AbortController().signal;

/** What every probe over TCP promises. */
export function probeContract(subject: ProbeSubject): void {
  const probe = (timeoutMs = 5_000): Probe => subject.create({ clock: systemClock(), timeoutMs });

  describe(`every probe: ${subject.name}`, () => {
    test("a backend that is as it should be passes, and nothing stays open", async () => {
      const backend = await startBackend(subject.healthy);
      const before = openSockets();
      for (let round = 0; round < 20; round += 1) {
        expect(await probe()(backend, never)).toMatchObject({ ok: true });
      }
      await eventually(() => backend.sockets.size === 0);
      await eventually(() => openSockets() === before);
    });

    test("a backend that refuses fails, with the system's code", async () => {
      const target = { host: "127.0.0.1", port: await freePort() };
      expect(await probe()(target, never)).toMatchObject({ ok: false, detail: "ECONNREFUSED" });
    });

    test("a name that leads nowhere fails, and does not reject", async () => {
      const target = { host: "backend.invalid", port: 80 };
      expect(await probe()(target, never)).toMatchObject({ ok: false });
    });

    test("a backend that says nothing fails exactly when the timeout ends", async () => {
      const clock = new FakeClock();
      const hole = await startBlackHole();
      const result = subject.create({ clock, timeoutMs: 1_000 })(hole, never);
      clock.advance(999);
      const early = await Promise.race([result, Promise.resolve("waiting")]);
      clock.advance(1);
      expect([early, (await result).ok]).toEqual(["waiting", false]);
      expect(clock.timers).toBe(0);
    });

    test("an abort ends it at once, before and in the middle", async () => {
      const hole = await startBlackHole();
      const before = openSockets();
      const abort = new AbortController();
      const results = [probe(0)(hole, abort.signal), probe(0)(hole, AbortSignal.abort())];
      abort.abort();
      for (const result of await Promise.all(results)) expect(result.ok).toBe(false);
      await eventually(() => openSockets() === before);
    });
  });
}
