import { beforeAll, describe, expect, test } from "vitest";

import { requiredCapabilities } from "#shared/definition/capability.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { insertNode, newActor } from "../../../support/actors.ts";
import { balancerInput } from "../../../support/balancers.ts";
import { suiteCleanup } from "../../../support/suite-cleanup.ts";
import { creationUnderTest, noRows, type CreationUnderTest } from "./creation-under-test.ts";

let under: CreationUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  under = await creationUnderTest(cleanup);
});

describe("whether nodes can run it:", () => {
  const plain = checkBalancer(balancerInput());
  const needed = plain.ok ? requiredCapabilities(plain.value).map((one) => one.capability) : [];

  test("a group without nodes accepts, and says that nobody could be asked", async () => {
    const outcome = await under.created(await newActor(under.db), balancerInput());
    expect(outcome.warnings).toMatchObject([{ pointer: "/group", code: "no-nodes" }]);
  });

  test("nodes that were never heard count as nobody", async () => {
    const actor = await newActor(under.db);
    await insertNode(under.db, actor, []);
    const outcome = await under.created(actor, balancerInput());
    expect(outcome.warnings).toMatchObject([{ code: "no-nodes" }]);
  });

  test("a node that can run it makes it right, without a warning", async () => {
    const actor = await newActor(under.db);
    await insertNode(under.db, actor, needed);
    expect((await under.created(actor, balancerInput())).warnings).toEqual([]);
  });

  test("when none can, it is refused with what is missing and where", async () => {
    const actor = await newActor(under.db);
    await insertNode(under.db, actor, needed);
    expect(await under.create(actor, balancerInput({ strategy: "leastconn" }))).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/strategy", code: "unsupported" }],
    });
    expect(await under.rowsOf(actor)).toEqual(noRows);
  });

  test("when some cannot, it is accepted with a warning", async () => {
    const actor = await newActor(under.db);
    await insertNode(under.db, actor, [...needed, "strategy:leastconn"]);
    await insertNode(under.db, actor, needed);
    const outcome = await under.created(actor, balancerInput({ strategy: "leastconn" }));
    expect(outcome.warnings).toMatchObject([{ pointer: "/strategy", code: "unsupported" }]);
  });

  test("a retired node is not asked", async () => {
    const actor = await newActor(under.db);
    const id = await insertNode(under.db, actor, needed);
    await under.db.sql`UPDATE nodes SET revoked_at = now() WHERE id = ${id}`;
    const outcome = await under.created(actor, balancerInput({ strategy: "leastconn" }));
    expect(outcome.warnings).toMatchObject([{ code: "no-nodes" }]);
  });
});

test("a backend that is listed again, however it is spelled, counts once, and a warning points to it", async () => {
  const backends = [
    "127.0.0.1:80",
    "A.example:80",
    "127.0.0.1:080 weight=3",
    { host: "0:0::1", port: 80 },
    "a.EXAMPLE.:80",
    "[::ffff:127.0.0.1]:80",
    "[::1]:80",
    "127.0.0.1:81",
  ];
  const outcome = await under.created(
    await newActor(under.db),
    balancerInput({ discovery: { kind: "static", backends } }),
  );
  const told = outcome.warnings.filter(({ code }) => code === "listed-twice");
  expect(told.map(({ pointer }) => pointer)).toEqual(
    [0, 1, 2, 3].map((index) => `/discovery/backends/${index}`),
  );
  expect(told[2]?.detail).toBe(
    "127.0.0.1:80 is listed again at /discovery/backends/5; it counts once, with what is said there",
  );
});

test("a backend whose name no client asks for is told of as well", async () => {
  const backends = ["127.0.0.1:80 sni=*.example.com"];
  const outcome = await under.created(
    await newActor(under.db),
    balancerInput({ discovery: { kind: "static", backends }, sni: {} }),
  );
  expect(outcome.warnings).toMatchObject([
    { code: "no-nodes" },
    { pointer: "/discovery/backends/0/sni", code: "literal-star" },
  ]);
});
