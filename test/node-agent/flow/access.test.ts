import { describe, expect, test } from "vitest";

import { askFrom, openClientFrom } from "../../support/client-from.ts";
import { serve, startPlane } from "../../support/data-plane.ts";
import { eventually } from "../../support/eventually.ts";
import { echo, greet, silent, startBackend } from "../../support/fake-backend.ts";

describe.each([1, 3])("access on %i worker(s)", (workers) => {
  test("F-ACL-01 absent is allow; deny without a rule refuses all", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(greet("served"));
    const web = await serve(under, { backends: [backend] });
    expect(await askFrom("127.0.0.1", web.port)).toBe("served");

    await web.update({ backends: [backend], access: { default: "deny" } });
    expect(await askFrom("127.0.0.1", web.port)).toBe("");
    expect(await askFrom("127.9.9.9", web.port)).toBe("");
    expect(backend.accepted).toBe(1);
  });

  test("F-ACL-02 a narrow deny before a wide allow decides", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(greet("served"));
    const rules = ["deny 127.0.0.2", "allow 127.0.0.0/24"];
    const web = await serve(under, { backends: [backend], access: { default: "deny", rules } });
    expect(await askFrom("127.0.0.1", web.port)).toBe("served");
    expect(await askFrom("127.0.0.2", web.port)).toBe("");
    expect(await askFrom("127.0.1.1", web.port)).toBe("");
  });

  test("X-ACL-07 a denied client is closed at once, dials nobody and does not count to the limit", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(silent);
    const access = { rules: ["deny 127.0.0.2"] };
    const limits = { maxConnections: 1 };
    const web = await serve(under, { backends: [backend], access, limits });

    const denied = await Promise.all(
      Array.from({ length: 20 }, () => openClientFrom("127.0.0.2", web.port)),
    );
    await Promise.all(denied.map((client) => client.isOver()));
    const allowed = await openClientFrom("127.0.0.1", web.port);
    await eventually(() => backend.sockets.size === 1);
    const more = await openClientFrom("127.0.0.2", web.port);
    await more.isOver();

    expect(allowed.ended || allowed.closed).toBe(false);
    expect(backend.accepted).toBe(1);
    expect(web.status()).toMatchObject({ openConnections: 1, totals: { rejected: 21 } });
    const reasons = under.ofKind("clients.turned-away").map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["access-denied"]));
  });

  test("X-ACL-08 a changed list applies to the next client; who is connected stays", async () => {
    const under = await startPlane({ workers });
    const backend = await startBackend(echo);
    const web = await serve(under, { backends: [backend] });
    const connected = await openClientFrom("127.0.0.2", web.port);
    connected.send("before");
    await connected.receives(6);

    await web.update({ backends: [backend], access: { rules: ["deny 127.0.0.2"] } });
    for (let round = 0; round < 5; round += 1) {
      const denied = await openClientFrom("127.0.0.2", web.port);
      await denied.isOver();
    }
    connected.send(" and after");
    await connected.receives(16);
    expect(connected.text()).toBe("before and after");

    await web.update({ backends: [backend], access: { rules: ["allow 127.0.0.2"] } });
    const again = await openClientFrom("127.0.0.2", web.port);
    again.send("hello");
    await again.receives(5);
  });
});

test("F-ACL-04 on a dual-stack socket IPv4 clients are judged by IPv4 rules, IPv6 by IPv6 rules", async () => {
  const under = await startPlane();
  const backend = await startBackend(greet("served"));
  const first = await serve(under, { backends: [backend] });
  const bind = [`:${first.port}`];
  const rules = ["deny 127.0.0.2", "deny ::1"];
  await under.plane.remove(first.id, 0);
  const web = await serve(under, { backends: [backend], bind, access: { rules } });

  expect(await askFrom("127.0.0.1", first.port)).toBe("served");
  expect(await askFrom("127.0.0.2", first.port)).toBe("");
  expect(await askFrom("::1", first.port)).toBe("");
  expect(web.status().totals).toMatchObject({ connections: 1, rejected: 2 });
});
