import { expect, test } from "vitest";

import { evictSilenceMs, proofAfterReplyMs, proofWithoutReplyMs } from "#shared/base/limits.ts";

import type { DatagramTarget, SessionId } from "../../../node-agent/engine/datagrams.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { startUdpBackend, type UdpBackend } from "../../support/udp-backend.ts";
import { openUdpClient, type UdpClient } from "../../support/udp-client.ts";
import {
  alone,
  forwardTo,
  only,
  startDatagrams,
  type DatagramOptions,
  type DatagramRig,
} from "./datagram-rig.ts";
import type { EngineSubject } from "./relay-rig.ts";

const echo = (bytes: Buffer): Buffer => bytes;
/** A driver may look at the clock only so often. */
const slackMs = 100;
const sessionsMax = 10;
const floods = 8;
const sourcesAtOnce = 25;

type OnEvent = NonNullable<DatagramOptions["onEvent"]>;

interface Stage {
  readonly clock: FakeClock;
  readonly backend: UdpBackend;
  readonly rig: DatagramRig;
}

/** Which sessions go to make room. */
export function evictionCases(subject: EngineSubject): void {
  async function staged(
    answer: (bytes: Buffer) => Buffer | undefined,
    flow: (target: DatagramTarget) => OnEvent = forwardTo,
  ): Promise<Stage> {
    const clock = new FakeClock();
    const backend = await startUdpBackend(answer);
    const onEvent = flow(backend);
    const rig = await startDatagrams(alone(subject), backend, { clock, onEvent });
    return { clock, backend, rig };
  }

  test("X-UDP-16 room is made by the most silent of those that are not proven, then by proven ones that are silent", async () => {
    const { clock, rig } = await staged(echo);
    const proven = await openUdpClient(rig);
    await proven.ask("a");
    clock.advance(proofAfterReplyMs + slackMs);
    await proven.ask("b");
    const [first, second] = [await openUdpClient(rig), await openUdpClient(rig)];
    await first.ask("a");
    await second.ask("a");
    clock.advance(slackMs);
    await first.ask("b");
    const [provenId, firstId, secondId] = [proven, first, second].map((one) => idOf(rig, one));
    const relay = only(rig);

    expect([relay.evict(1), relay.evict(1)]).toEqual([secondId, firstId]);
    expect(await rig.some("session-ended", 2)).toMatchObject([
      { session: secondId, reason: "evicted" },
      { session: firstId, reason: "evicted" },
    ]);
    await proven.ask("c");
    expect(relay.evict(1)).toBeUndefined();
    clock.advance(evictSilenceMs);
    expect(relay.evict(1)).toBe(provenId);
    expect(relay.evict(1)).toBeUndefined();
    expect(await proven.ask("d")).toBe("d");
  });

  test("X-UDP-16 to speak again right after a reply proves nothing", async () => {
    const { clock, rig } = await staged(echo);
    const client = await openUdpClient(rig);
    for (const text of ["a", "b", "c"]) await client.ask(text);
    clock.advance(proofAfterReplyMs - slackMs);
    await client.ask("d");

    expect(only(rig).evict(1)).toBe(idOf(rig, client));
  });

  test("X-UDP-16 a client without replies is proven by speaking for longer", async () => {
    const { clock, rig, backend } = await staged(() => undefined);
    const [lasting, brief] = [await openUdpClient(rig), await openUdpClient(rig)];
    await sent(lasting, backend);
    clock.advance(proofWithoutReplyMs + slackMs);
    await sent(lasting, backend);
    await sent(brief, backend);
    clock.advance(proofWithoutReplyMs - slackMs);
    await sent(brief, backend);

    // Whoever was heard last goes first: it is not proven.
    expect(only(rig).evict(1)).toBe(idOf(rig, brief));
    expect(only(rig).evict(1)).toBe(idOf(rig, lasting));
  });

  for (const datagrams of [1, 2, 3]) {
    test(`X-UDP-16 made-up clients that send ${datagrams} at once displace none that is established, and each eviction is told`, async () => {
      const { clock, rig } = await staged(echo, (target) => keepsSessions(sessionsMax, target));
      const established = await openUdpClient(rig);
      await established.ask("a");
      clock.advance(proofAfterReplyMs + slackMs);
      await established.ask("b");
      for (let round = 1; round <= floods; round += 1) {
        clock.advance(1_500);
        await flood(rig, { round, datagrams });
        // It comes behind the flood, so all of that was taken.
        expect(await established.ask(`${round}`)).toBe(`${round}`);
      }

      expect(sessionsOf(rig, established)).toHaveLength(1);
      const { length: arrived } = rig.ofKind("arrived");
      expect(arrived).toBeGreaterThan(floods * sourcesAtOnce);
      await rig.some("session-ended", arrived - sessionsMax);
      expect(rig.ofKind("session-ended")).toHaveLength(arrived - sessionsMax);
      const reasons = rig.ofKind("session-ended").map(({ reason }) => reason);
      expect(new Set(reasons)).toEqual(new Set(["evicted"]));
    });
  }
}

/** A flow that has so many sessions at most, and makes room for new ones. */
function keepsSessions(most: number, target: DatagramTarget): OnEvent {
  const forward = forwardTo(target);
  let open = 0;
  return (event, relay, rig) => {
    if (event.kind === "session-failed") open -= 1;
    if (event.kind === "arrived") {
      const isFull = open === most;
      if (isFull && relay.evict(event.listener) === undefined) return relay.refuse(event.session);
      if (!isFull) open += 1;
    }
    forward(event, relay, rig);
  };
}

/** So many datagrams of each of many clients that were never heard before. */
async function flood(
  rig: DatagramRig,
  { round, datagrams }: { readonly round: number; readonly datagrams: number },
): Promise<void> {
  for (let source = 1; source <= sourcesAtOnce; source += 1) {
    const madeUp = await openUdpClient(rig, { host: `127.3.${round}.${source}` });
    for (let count = 0; count < datagrams; count += 1) await madeUp.send("x");
  }
}

function sessionsOf(rig: DatagramRig, { port }: UdpClient): readonly SessionId[] {
  const own = rig.ofKind("arrived").filter(({ peer }) => {
    return peer.port === port && peer.address === "127.0.0.1";
  });
  return own.map(({ session }) => session);
}

function idOf(rig: DatagramRig, client: UdpClient): SessionId {
  const [session] = sessionsOf(rig, client);
  if (session === undefined) throw new Error("the client has no session");
  return session;
}

/** Waits until the backend has what the client sends, as it does not answer. */
async function sent(client: UdpClient, { received }: UdpBackend): Promise<void> {
  const count = received.length;
  await client.send("x");
  await eventually(() => received.length > count);
}
