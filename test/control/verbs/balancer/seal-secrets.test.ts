import { beforeAll, describe, expect, test } from "vitest";

import { getBalancer } from "../../../../control/verbs/balancer/get.ts";
import { newActor } from "../../../support/actors.ts";
import { balancerInput } from "../../../support/balancers.ts";
import { suiteCleanup } from "../../../support/suite-cleanup.ts";
import { creationUnderTest, type CreationUnderTest } from "./creation-under-test.ts";

let under: CreationUnderTest;
const cleanup = suiteCleanup();

beforeAll(async () => {
  under = await creationUnderTest(cleanup);
});

describe("a secret", () => {
  const discovery = {
    kind: "consul",
    host: "127.0.0.1:8500",
    serviceName: "web",
    aclToken: "s3cret-token",
  } as const;

  test("is sealed, stored once, and read as a reference", async () => {
    const actor = await newActor(under.db);
    const { balancer } = await under.created(actor, balancerInput({ discovery }));
    const shown = JSON.stringify(await getBalancer(under.deps, actor, { id: balancer.id }));
    expect(shown).not.toContain("s3cret-token");
    expect(balancer.definition.discovery).toMatchObject({
      aclToken: { secret: expect.stringMatching(/^sec_/) as string },
    });
    for (const table of ["balancers", "bodies", "secrets", "revisions", "audit"]) {
      const rows = await under.db.sql.unsafe(`SELECT t::text AS text FROM ${table} t`);
      expect(JSON.stringify(rows), table).not.toContain("s3cret-token");
    }
    expect(await under.rowsOf(actor)).toMatchObject({ secrets: 1 });
  });

  test("of another balancer cannot be taken over by its reference", async () => {
    const actor = await newActor(under.db);
    const { balancer } = await under.created(actor, balancerInput({ discovery }));
    const taken = {
      ...balancerInput({ name: "thief", bind: ["127.0.0.1:9001"] }),
      discovery: balancer.definition.discovery,
    };
    expect(await under.create(actor, taken)).toMatchObject({
      kind: "invalid",
      problems: [{ pointer: "/discovery/aclToken/secret", code: "unknown-value" }],
    });
  });
});
