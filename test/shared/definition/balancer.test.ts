import { expect, test } from "vitest";
import { z } from "zod";

import { balancerSchema } from "#shared/definition/balancer.ts";

test("the schema can be described as JSON Schema, as what is written and as what is stored", () => {
  for (const io of ["input", "output"] as const) {
    const described = JSON.stringify(z.toJSONSchema(balancerSchema, { io }));
    for (const name of ["Backend", "ConsulDiscovery", "HttpCheck", "Tls", "Limits"]) {
      expect(described).toContain(`"#/$defs/${name}"`);
    }
  }
});

test("every named part says what it is", () => {
  const described = z.toJSONSchema(balancerSchema, { io: "input" });
  const silent = Object.entries(described.$defs ?? {})
    .filter(([, part]) => typeof part === "object" && part.type === "object")
    .filter(([, part]) => typeof part === "object" && part.description === undefined)
    .map(([name]) => name);
  expect(silent).toEqual([]);
});
