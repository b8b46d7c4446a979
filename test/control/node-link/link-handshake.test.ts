import { describe, expect, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { clockSkewMsMax, handshakeBurstMax } from "#shared/base/limits.ts";
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

test("more handshakes than are admitted are 503 with a Retry-After", async () => {
  const clock = systemClock();
  const standing = { still: true };
  const monotonicMs = (): number => (standing.still ? 0 : clock.monotonicMs());
  const { node } = await nodeWorld({ clock: { ...clock, monotonicMs } });
  const one = await node();
  const outcomes = await Promise.all(
    Array.from({ length: handshakeBurstMax + 50 }, () => one.connectWith({})),
  );
  const refused = outcomes.flatMap((outcome) => (outcome.kind === "refused" ? [outcome] : []));
  const busy = refused.filter(({ status }) => status === 503);
  expect(busy).toHaveLength(50);
  for (const { headers } of busy) expect(Number(headers["retry-after"])).toBeGreaterThan(0);
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
