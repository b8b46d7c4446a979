import { expect, test } from "vitest";

import { noticeMs } from "#shared/base/limits.ts";

import { createTestAuthority } from "../../support/certificate-authority.ts";
import { filesOf, terminating } from "../../support/certificate-files.ts";
import { askFrom, openClientFrom } from "../../support/client-from.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { greet, silent, startBackend } from "../../support/fake-backend.ts";
import { freePort } from "../../support/free-port.ts";
import { greetedAs } from "../../support/greeted-as.ts";
import { throughout } from "../../support/throughout.ts";

test("X-STAT-10 denied, too many, nobody, name refused and failed dial are counted apart", async () => {
  const under = await startPlane({ workers: 2 });
  const backend = await startBackend(silent);
  const other = await startBackend(greet("other"));
  const web = await serve(under, { backends: [backend], limits: { maxConnections: 1 } });
  const counted = async (turnedAway: Readonly<Record<string, number>>): Promise<void> => {
    await eventually(() => {
      expect(web.status().unserved.turnedAway).toEqual(turnedAway);
      const all = Object.values(turnedAway).reduce((sum, count) => sum + count, 0);
      expect(web.status().totals.rejected).toBe(all);
    });
  };
  await counted({});

  const open = await openClientFrom("127.0.0.1", web.port);
  await eventually(() => backend.sockets.size === 1);
  for (const last of [1, 2, 3]) await askFrom(`127.0.0.${last}`, web.port);
  await counted({ "limit-reached": 3 });
  open.socket.destroy();

  await web.update({ backends: [other], access: { rules: ["deny 127.0.0.2"] } });
  for (const last of [1, 2, 2]) await askFrom(`127.0.0.${last}`, web.port);
  await counted({ "limit-reached": 3, "access-denied": 2 });

  await web.update({ backends: [] });
  await askFrom("127.0.0.1", web.port);
  await counted({ "limit-reached": 3, "access-denied": 2, "no-backend": 1 });

  await web.update({ backends: [{ ...other, sni: "a.test" }], sni: {} });
  await greetedAs(web.port, { name: "b.test" });
  const all = { "limit-reached": 3, "access-denied": 2, "no-backend": 1, "name-refused": 1 };
  await counted(all);
  expect(under.plane.status()[0]?.unserved.datagramsDropped).toEqual({});

  const gone = `127.0.0.1:${await freePort()}`;
  await web.update({ backends: [gone] });
  await askFrom("127.0.0.1", web.port);
  await eventually(() => web.backend(gone).totals.refused === 1);
  // A worker tells by itself whom it turned away, up to `noticeMs` after the counters have it.
  await throughout(() => expect(web.status().unserved.turnedAway).toEqual(all), {
    forMs: 2 * noticeMs,
  });
});

test("X-STAT-10 a failed handshake is counted by itself", async () => {
  const under = await startPlane({ workers: 1 });
  const authority = await createTestAuthority();
  const files = await filesOf(await authority.issue({ names: ["a.test"] }));
  const backend = await startBackend(silent);
  const web = await serve(under, { ...terminating([files]), backends: [backend] });
  const client = await openClientFrom("127.0.0.1", web.port);
  client.send("no TLS");
  await client.isOver();
  await eventually(() => {
    expect(web.status().unserved.turnedAway).toEqual({ "handshake-failed": 1 });
  });
});
