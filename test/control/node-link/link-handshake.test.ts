import { describe, expect, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { clockSkewMsMax, linkAttemptBurstMax, nodeHandshakeBurstMax } from "#shared/base/limits.ts";
import { agentPaths } from "#shared/wire/protocol.ts";

import { eventually } from "../../support/eventually.ts";
import { joinSimulated, SimulatedNode } from "../../support/simulated-node.ts";
import { anyId } from "../../support/tenant-rows.ts";
import { nodeWorld } from "./node-world.ts";

describe("a link needs a signed header", () => {
  test("none, a broken one, an unknown node and a foreign signature are 401", async () => {
    const { node, control, tenant } = await nodeWorld();
    const [one, other] = [await node(), await node()];
    one.generation = 1;
    const own = one.authorization("GET", agentPaths.link);
    const headers: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
      [{}, "http/node-unauthenticated"],
      [{ authorization: "Bearer something" }, "http/node-unauthenticated"],
      [{ authorization: own.replace(/generation=1/, "generation=x") }, "http/node-unauthenticated"],
      [{ authorization: own.replace(/generation=1/, "generation=9") }, "http/node-unauthorized"],
      [
        { authorization: own.replace(/node=\w+/, `node=${anyId("nod")}`) },
        "http/node-unauthorized",
      ],
      [{ authorization: one.authorization("POST", agentPaths.link) }, "http/node-unauthorized"],
      [{ authorization: one.authorization("GET", "/v1/elsewhere") }, "http/node-unauthorized"],
    ];
    for (const [header, code] of headers) {
      expect(await other.connectWith(header)).toMatchObject({ kind: "refused", status: 401, code });
    }
    expect(await one.connectWith({ authorization: own })).toEqual({ kind: "open" });
    const foreign = await joinSimulated(control.url, await tenant.joinToken());
    const thief = new SimulatedNode({
      identity: { ...foreign, node: other.node },
      url: control.url,
    });
    expect(await thief.connect()).toMatchObject({ status: 401, code: "http/node-unauthorized" });
  });

  test("a wrong clock is told the right time, and may correct itself", async () => {
    const { node } = await nodeWorld();
    const one = await node();
    one.clockOffsetMs = -2 * clockSkewMsMax;
    const outcome = await one.connect();
    expect(outcome).toMatchObject({ status: 401, code: "http/node-clock-skew" });
    if (outcome.kind !== "refused") throw new Error("not refused");
    const controlTimeMs = Number(outcome.headers["midstream-time-ms"]);
    expect(Math.abs(controlTimeMs - Date.now())).toBeLessThan(60_000);
    one.clockOffsetMs += controlTimeMs - (Date.now() + one.clockOffsetMs);
    expect(await one.connect()).toEqual({ kind: "open" });
  });

  test("a header that was used once opens no second link", async () => {
    const { node } = await nodeWorld();
    const one = await node();
    one.generation = 1;
    const authorization = one.authorization("GET", agentPaths.link);
    expect(await one.connectWith({ authorization })).toEqual({ kind: "open" });
    const replayed = await one.connectWith({ authorization });
    expect(replayed).toMatchObject({ status: 409, code: "http/node-replaced" });
  });

  test("an older generation is 409: a copy of the node, or late", async () => {
    const { node } = await nodeWorld();
    const one = await node();
    one.generation = 5;
    expect(await one.connect()).toEqual({ kind: "open" });
    one.generation = 3;
    expect(await one.connectSilently()).toMatchObject({ status: 409, code: "http/node-replaced" });
  });

  test("of many handshakes of one node at the same time one link is left, the newest", async () => {
    const { control, node } = await nodeWorld();
    const one = await node();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        one.generation = index + 1;
        return one.connectSilently();
      }),
    );
    expect(outcomes.at(-1)).toEqual({ kind: "open" });
    await eventually(() => control.side.links.count() === 1);
    expect(one.isOpen).toBe(true);
  });
});

describe("a node that was retired", () => {
  test("loses its link with 4403 and gets no other", async () => {
    const { db, node } = await nodeWorld();
    const [one, other] = [await node(), await node()];
    await one.connect();
    await other.connect();
    await db.sql`UPDATE nodes SET revoked_at = now() WHERE id = ${one.node}`;
    expect(await one.closed).toMatchObject({ code: 4403 });
    expect(await one.connect()).toMatchObject({ status: 403, code: "http/node-retired" });
    expect(other.isOpen).toBe(true);
  });
});

describe("what is no link", () => {
  test("an upgrade without the sub-protocol is 400", async () => {
    const { control, node } = await nodeWorld();
    const one = await node();
    one.generation = 1;
    const authorization = one.authorization("GET", agentPaths.link);
    const outcome = await one.connectWith({ authorization }, control.url, "other");
    expect(outcome).toMatchObject({ status: 400 });
  });

  test("an ordinary request to the link's path is answered, not upgraded", async () => {
    const { control } = await nodeWorld();
    const response = await fetch(new URL(agentPaths.link, control.url));
    expect(response.status).toBe(404);
  });
});

/** A clock whose monotonic time stands still until it is told to go on: no bucket fills. */
function standingClock() {
  const clock = systemClock();
  const standing = { still: true };
  const monotonicMs = (): number => (standing.still ? 0 : clock.monotonicMs());
  return { standing, clock: { ...clock, monotonicMs } };
}

describe("attempts without a valid signature", () => {
  const trustedProxies = ["127.0.0.0/8"];
  const stranger = { "x-forwarded-for": "203.0.113.9" };

  test("are counted by address: a flood from one holds up no node at another", async () => {
    const { clock, standing } = standingClock();
    const { node } = await nodeWorld({ clock, trustedProxies });
    const [one, other, flooder] = [await node(), await node(), await node()];
    const flood = Promise.all(
      Array.from({ length: linkAttemptBurstMax + 50 }, () => flooder.connectWith(stranger)),
    );
    one.generation = 1;
    const authorization = one.authorization("GET", agentPaths.link);
    const meanwhile = one.connectWith({ authorization, "x-forwarded-for": "203.0.113.10" });
    expect(await meanwhile).toEqual({ kind: "open" });
    const refused = (await flood).flatMap((outcome) =>
      outcome.kind === "refused" ? [outcome] : [],
    );
    const tooMany = refused.filter(({ status }) => status === 429);
    expect(tooMany).toHaveLength(50);
    for (const { code, headers } of tooMany) {
      expect(code).toBe("http/too-many-requests");
      expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    }
    expect(refused.filter(({ status }) => status === 401)).toHaveLength(linkAttemptBurstMax);
    // Nothing is looked up for that address any more; a node elsewhere links as before.
    other.generation = 1;
    const own = { authorization: other.authorization("GET", agentPaths.link) };
    expect(await other.connectWith({ ...own, ...stranger })).toMatchObject({ status: 429 });
    expect(await other.connectWith(own)).toEqual({ kind: "open" });
    standing.still = false;
  });

  test("count together with those of pulls: 401s first, then 429 with a Retry-After", async () => {
    const { clock } = standingClock();
    const { control } = await nodeWorld({ clock });
    const url = new URL(`${agentPaths.snapshots}${"0".repeat(64)}`, control.url);
    const headers = { authorization: "Midstream-Node of nobody" };
    const statuses: number[] = [];
    for (let n = 0; n < linkAttemptBurstMax; n += 100) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(url, { headers })));
      statuses.push(...answers.map(({ status }) => status));
    }
    expect(new Set(statuses)).toEqual(new Set([401]));
    const refused = await fetch(url, { headers });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

test("a node that connects all the time is 429: it has one link, and waits between two", async () => {
  const { clock, standing } = standingClock();
  const { node } = await nodeWorld({ clock });
  const [one, other] = [await node(), await node()];
  for (let n = 0; n < nodeHandshakeBurstMax; n += 1) {
    expect(await one.connect()).toEqual({ kind: "open" });
  }
  expect(await one.connect()).toMatchObject({ status: 429, code: "http/too-many-requests" });
  expect(await other.connect()).toEqual({ kind: "open" });
  standing.still = false;
  await eventually(async () => expect(await one.connect()).toEqual({ kind: "open" }));
});

test("a control plane that stops says so: 1012, with a time to come back", async () => {
  const { control, node } = await nodeWorld();
  const nodes = [await node(), await node(), await node()];
  for (const one of nodes) await one.connect();
  const ends = nodes.map((one) => one.closed);
  await control.stop();
  for (const end of ends) expect(await end).toMatchObject({ code: 1012 });
  for (const one of nodes) {
    expect(one.frames.at(-1)).toMatchObject({ t: "bye", code: 1012, retry: { minMs: 0 } });
  }
  expect(control.side.links.count()).toBe(0);
});
