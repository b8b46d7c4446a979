import { expect, test } from "vitest";

import type { Address, ConnectTerms } from "../../../node-agent/engine/engine.ts";
import { bestRound, timed } from "../../support/best-round.ts";
import { startBlackHole } from "../../support/black-hole.ts";
import { silent, startBackend } from "../../support/fake-backend.ts";
import { openClient } from "../../support/test-client.ts";
import { startRelay, tcp, type EngineSubject } from "./relay-rig.ts";

const limitMs = 1_000;
const offMsMax = 250;

interface Limited {
  readonly target: Address;
  readonly terms: Partial<ConnectTerms>;
  /** The event from which on its time counts. */
  readonly from: "accepted" | "connected";
}

/** The limits of a connection on the clock that agents run with; that they are exact is shown on a fake one. */
export function realClockCases(subject: EngineSubject): void {
  /** How far from its limit a connection was ended, in milliseconds. */
  function offMs({ target, terms, from }: Limited): Promise<number> {
    return bestRound(offMsMax, async () => {
      const relay = await startRelay(subject, target, { terms });
      const client = await openClient(relay.port);
      await relay.first(from);
      return Math.abs((await timed(() => client.isOver())) - limitMs);
    });
  }

  test("F-TCP-04 on the real clock: within 250 ms of a limit of one second", async () => {
    const target = tcp(await startBackend(silent));
    const terms = { clientIdleMs: limitMs };
    expect(await offMs({ target, terms, from: "connected" })).toBeLessThanOrEqual(offMsMax);
  });

  test("F-TCP-05 on the real clock: within 250 ms of a limit of one second", async () => {
    const target = tcp(await startBackend(silent));
    const terms = { backendIdleMs: limitMs };
    expect(await offMs({ target, terms, from: "connected" })).toBeLessThanOrEqual(offMsMax);
  });

  test("F-TCP-07 on the real clock: within 250 ms of a timeout of one second", async () => {
    const target = tcp(await startBlackHole());
    const terms = { connectTimeoutMs: limitMs };
    expect(await offMs({ target, terms, from: "accepted" })).toBeLessThanOrEqual(offMsMax);
  });
}
