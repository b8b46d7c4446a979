import type { LookupFunction } from "node:net";

import { describe, expect, test } from "vitest";

import type { Clock } from "#shared/base/clock.ts";
import { systemClock } from "#shared/base/clock.ts";

import type { Probe } from "../../../node-agent/health/probe.ts";
import { NameLookup } from "../../../node-agent/runtime/name-lookup.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { eventually } from "../../support/eventually.ts";
import { startBackend, type BackendBehaviour } from "../../support/fake-backend.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { freePort } from "../../support/free-port.ts";
import { startNameServer } from "../../support/name-server.ts";
import { openSockets } from "../../support/open-sockets.ts";

/** What every probe is made of. */
export interface ProbeDeps {
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly timeoutMs: number;
}

/** A kind of check, and a backend that passes it. */
export interface ProbeSubject {
  readonly name: string;
  readonly create: (deps: ProbeDeps) => Probe;
  readonly healthy: BackendBehaviour;
}

const { forSockets: lookup } = new NameLookup({ clock: systemClock() });
const never = new AbortController().signal;

/** What every probe over TCP promises. */
export function probeContract(subject: ProbeSubject): void {
  const probe = (timeoutMs = 5_000): Probe =>
    subject.create({ clock: systemClock(), lookup, timeoutMs });

  describe(`every probe: ${subject.name}`, () => {
    test("a backend that is as it should be passes, and nothing stays open", async () => {
      const backend = await startBackend(subject.healthy);
      const before = openSockets();
      for (let round = 0; round < 20; round += 1) {
        expect(await probe()(backend, never)).toMatchObject({ verdict: "passed" });
      }
      await eventually(() => backend.sockets.size === 0);
      await eventually(() => openSockets() === before);
    });

    test("a backend that refuses fails, with the system's code", async () => {
      const target = { host: "127.0.0.1", port: await freePort() };
      expect(await probe()(target, never)).toMatchObject({
        verdict: "failed",
        detail: "ECONNREFUSED",
      });
    });

    test("a name that leads nowhere fails, and does not reject", async () => {
      const { address } = await startNameServer(() => "no-such-name");
      const names = new NameLookup({ clock: systemClock(), nameServers: [address] });
      const deps = { clock: systemClock(), lookup: names.forSockets, timeoutMs: 5_000 };
      const result = await subject.create(deps)({ host: "backend.test", port: 80 }, never);
      expect(result).toMatchObject({ verdict: "failed", detail: "ENOTFOUND" });
    });

    test("a name whose server hangs fails exactly when the timeout ends", async () => {
      const clock = new FakeClock();
      const { address } = await startNameServer(() => "silence");
      const names = new NameLookup({ clock: systemClock(), nameServers: [address] });
      const deps = { clock, lookup: names.forSockets, timeoutMs: 1_000 };
      const result = subject.create(deps)({ host: "backend.test", port: 80 }, never);
      await settled();
      clock.advance(1_000);
      expect(await result).toMatchObject({ verdict: "failed", detail: "timeout" });
    });

    test("a lookup that could not be made says nothing about the backend", async () => {
      const busy: LookupFunction = (_host, _options, onAnswer) => {
        const error = Object.assign(new Error("full"), { code: "ELOOKUPSEXHAUSTED" });
        setImmediate(() => onAnswer(error, ""));
      };
      const deps = { clock: systemClock(), lookup: busy, timeoutMs: 5_000 };
      const result = await subject.create(deps)({ host: "backend.test", port: 80 }, never);
      expect(result).toMatchObject({ verdict: "none", detail: "ELOOKUPSEXHAUSTED" });
    });

    test("a backend that says nothing fails exactly when the timeout ends", async () => {
      const clock = new FakeClock();
      const hole = await startBlackHole();
      const result = subject.create({ clock, lookup, timeoutMs: 1_000 })(hole, never);
      await settled();
      clock.advance(999);
      const early = await Promise.race([result, Promise.resolve("waiting")]);
      clock.advance(1);
      expect([early, (await result).verdict]).toEqual(["waiting", "failed"]);
      expect(clock.timers).toBe(0);
    });

    test("an abort ends it at once, before and in the middle", async () => {
      const hole = await startBlackHole();
      const before = openSockets();
      const abort = new AbortController();
      const results = [probe(0)(hole, abort.signal), probe(0)(hole, AbortSignal.abort())];
      abort.abort();
      for (const result of await Promise.all(results)) expect(result.verdict).toBe("none");
      await eventually(() => openSockets() === before);
    });
  });
}
