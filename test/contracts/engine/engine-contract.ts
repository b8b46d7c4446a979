import { describe } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { bindCases } from "./bind-cases.ts";
import { closingCases } from "./closing-cases.ts";
import { dialCases } from "./dial-cases.ts";
import { evictionCases } from "./eviction-cases.ts";
import { flushCases } from "./flush-cases.ts";
import { hardEndsCases } from "./hard-ends-cases.ts";
import { listenCases } from "./listen-cases.ts";
import { loadCases } from "./load-cases.ts";
import { oddBytesCases } from "./odd-bytes-cases.ts";
import { oneWakeUpCases } from "./one-wake-up-cases.ts";
import { peekCases } from "./peek-cases.ts";
import { relayCases } from "./relay-cases.ts";
import type { EngineSubject } from "./relay-rig.ts";
import { sessionCases } from "./session-cases.ts";
import { sessionEndCases } from "./session-end-cases.ts";
import { silenceCases } from "./silence-cases.ts";
import { singleCases } from "./single-cases.ts";
import { takeoverCases } from "./takeover-cases.ts";
import { tlsClientAuthCases } from "./tls-client-auth-cases.ts";
import { tlsDialCases } from "./tls-dial-cases.ts";
import { tlsHandshakeCases } from "./tls-handshake-cases.ts";
import { tlsRelayCases } from "./tls-relay-cases.ts";
import { offersTls } from "./tls-rig.ts";
import { tlsTerminationCases } from "./tls-termination-cases.ts";
import { tlsTicketCases } from "./tls-ticket-cases.ts";

/** What every engine promises, whichever driver it is and however many share an address. */
export function engineContract(subject: EngineSubject): void {
  describe(`every engine: ${subject.name}`, () => {
    describe("listens", () => listenCases(subject));
    describe("hands over", () => takeoverCases(subject));
    describe("peeks", () => peekCases(subject));
    describe("dials", () => dialCases(subject));
    describe("relays", () => relayCases(subject));
    describe("ends silence", () => silenceCases(subject));
    describe("closes", () => closingCases(subject));
    describe("closes with flush", () => flushCases(subject));
    describe("tells ends apart", () => hardEndsCases(subject));
    describe("keeps apart what comes in one wake-up", () => oneWakeUpCases(subject));
    describe("relays what is unusual", () => oddBytesCases(subject));
    if (hasDatagrams(subject)) {
      describe("relays datagrams", () => sessionCases(subject));
      describe("ends sessions", () => sessionEndCases(subject));
      describe("makes room", () => evictionCases(subject));
      describe("relays single datagrams", () => singleCases(subject));
      describe("binds", () => bindCases(subject));
    }
    describe("under load", () => loadCases(subject));
    describe.skipIf(!offersTls(subject))("speaks TLS", () => {
      describe("with clients", () => tlsTerminationCases(subject));
      describe("with clients that show who they are", () => tlsClientAuthCases(subject));
      describe("and resumes", () => tlsTicketCases(subject));
      describe("with odd clients", () => tlsHandshakeCases(subject));
      describe("with backends", () => tlsDialCases(subject));
      describe("and relays", () => tlsRelayCases(subject));
    });
  });
}

/** A driver may not have its UDP half yet. */
function hasDatagrams({ create }: EngineSubject): boolean {
  const engine = create({ clock: systemClock(), onEvents: () => undefined });
  void engine.stop();
  return engine.datagrams !== undefined;
}
