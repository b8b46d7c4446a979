import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";
import { linkSilenceMsMax } from "#shared/base/limits.ts";

import { eventually } from "../../support/eventually.ts";
import { tcpRelay } from "../../support/tcp-relay.ts";
import { throughout } from "../../support/throughout.ts";
import { nodeWorld } from "./node-world.ts";

test("a node that vanishes without a word is away after 50 s of silence, not before", async () => {
  const clock = systemClock();
  const ahead = { ms: 0 };
  const monotonicMs = (): number => clock.monotonicMs() + ahead.ms;
  const { control, db, node } = await nodeWorld({ clock: { ...clock, monotonicMs } });
  const relay = await tcpRelay(onTestFinished, Number(new URL(control.url).port));
  const [vanishing, other] = [await node(), await node()];
  await vanishing.connect(`http://127.0.0.1:${relay.port}`);
  await other.connect();
  const connected = async (id: string): Promise<unknown> => {
    const [row] = await db.sql`SELECT connected FROM node_status WHERE node_id = ${id}`;
    return row?.["connected"];
  };
  await eventually(async () => expect(await connected(vanishing.node)).toBe(true));

  relay.freeze();
  ahead.ms += linkSilenceMsMax - 5_000;
  other.beat();
  await throughout(
    async () => {
      expect(await connected(vanishing.node)).toBe(true);
      expect(control.side.links.count()).toBe(2);
    },
    { forMs: 1_500 },
  );
  ahead.ms += 6_000;
  await eventually(async () => expect(await connected(vanishing.node)).toBe(false));
  await eventually(() => control.side.links.count() === 1);
  const closed = control.log.lines.filter(({ event }) => event === "link.close");
  expect(closed.map(({ fields }) => fields)).toMatchObject([
    { node: vanishing.node, code: 1013, reason: "the node is silent" },
  ]);
  expect(other.isOpen, "whoever is heard stays").toBe(true);
  expect(await vanishing.connect(), "and it may come back another way").toEqual({ kind: "open" });
});
