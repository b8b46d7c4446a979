import { randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import type { Engine } from "../../../node-agent/engine/engine.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, startBackend } from "../../support/fake-backend.ts";
import { openTlsClient, type TlsTestClient } from "../../support/tls-client.ts";
import type { EngineSubject, Relay } from "./relay-rig.ts";
import { clientTerms, identityFor, setAll, startTlsRelay } from "./tls-rig.ts";

const versions = ["TLSv1.2", "TLSv1.3"] as const;

/** Sessions that are resumed. */
export function tlsTicketCases(subject: EngineSubject): void {
  test.for(versions)("F-TLS-09 sessions resume with ticket keys only: %s", async (version) => {
    const backend = await startBackend(greet("hello"));
    const identities = [await identityFor(["a.test"])];
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities }),
    });

    const without = await answered(relay, version);
    const its = version === "TLSv1.2" ? without.tls.getSession() : without.givenSession;
    expect(await resumes(relay, version, its)).toBe(false);

    setAll(relay, clientTerms({ identities, ticketKeys: [randomBytes(48)] }));
    const session = await sessionOf(relay, version);
    expect(await resumes(relay, version, session)).toBe(true);
    expect(relay.ofKind("secured").at(-1)).toMatchObject({
      tls: { isResumed: true, serverName: "a.test", version },
    });

    setAll(relay, clientTerms({ identities }));
    expect(await resumes(relay, version, session)).toBe(false);
  });

  test.for(versions)("tickets outlive a rotation while their key is kept: %s", async (version) => {
    const backend = await startBackend(greet("hello"));
    const identities = [await identityFor(["a.test"])];
    const [first, second, third] = [randomBytes(48), randomBytes(48), randomBytes(48)];
    const relay = await startTlsRelay(subject, {
      target: backend,
      client: clientTerms({ identities, ticketKeys: [first] }),
    });

    const session = await sessionOf(relay, version);
    setAll(relay, clientTerms({ identities, ticketKeys: [second, first] }));
    const renewed = await sessionOf(relay, version, session);
    expect(await resumes(relay, version, session)).toBe(true);

    setAll(relay, clientTerms({ identities, ticketKeys: [third, second] }));
    expect(await resumes(relay, version, session)).toBe(false);
    expect(await resumes(relay, version, renewed)).toBe(true);
  });

  test("a client that asks at once has its tickets, though its backend says nothing", async () => {
    const said: string[] = [];
    const backend = await startBackend((socket) =>
      socket.on("data", (data) => said.push(data.toString())),
    );
    const identities = [await identityFor(["a.test"])];
    const ticketKeys = [randomBytes(48)];
    const client = clientTerms({ identities, ticketKeys });
    const relay = await startTlsRelay(subject, { target: backend, client });

    const early = "an early request";
    const asking = await openTlsClient(relay.port, optionsOf("TLSv1.3", undefined), { early });
    const session = await asking.session();
    await eventually(() => said.join("") === early);
    expect(asking.text()).toBe("");

    const resuming = await openTlsClient(relay.port, optionsOf("TLSv1.3", session));
    expect(resuming.tls.isSessionReused()).toBe(true);
  });

  if (subject.engines > 1) {
    test("engines that have the same keys resume each other's sessions", async () => {
      const backend = await startBackend(greet("hello"));
      const securedBy: Engine[] = [];
      const relay = await startTlsRelay(subject, {
        target: backend,
        client: clientTerms({
          identities: [await identityFor(["a.test"])],
          ticketKeys: [randomBytes(48)],
        }),
        onEvent: (event, engine) => {
          if (event.kind === "secured") securedBy.push(engine);
        },
      });
      const session = await sessionOf(relay, "TLSv1.3");

      for (let round = 0; new Set(securedBy).size < subject.engines; round += 1) {
        expect(round).toBeLessThan(500);
        expect(await resumes(relay, "TLSv1.3", session)).toBe(true);
      }
    });
  }
}

type Version = (typeof versions)[number];

/** A session, from a connection that may itself resume another one. */
async function sessionOf(relay: Relay, version: Version, before?: Buffer): Promise<Buffer> {
  const client = await answered(relay, version, before);
  if (before !== undefined) expect(client.tls.isSessionReused()).toBe(true);
  return client.session();
}

/** A client that has its session if it is given one: with TLS 1.3 it comes before what the backend says. */
async function answered(relay: Relay, version: Version, session?: Buffer): Promise<TlsTestClient> {
  const client = await openTlsClient(relay.port, optionsOf(version, session));
  await eventually(() => client.text() === "hello");
  return client;
}

async function resumes(
  relay: Relay,
  version: Version,
  session: Buffer | undefined,
): Promise<boolean> {
  const client = await answered(relay, version, session);
  client.finish();
  return client.tls.isSessionReused();
}

function optionsOf(version: Version, session: Buffer | undefined) {
  const only = { minVersion: version, maxVersion: version, servername: "a.test" };
  return session === undefined ? only : { ...only, session };
}
