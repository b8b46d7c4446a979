import { expect, test } from "vitest";

import { checkPolicy } from "../../../node-agent/apply/policy.ts";

test("an invalid policy is refused with all its problems and their pointers", () => {
  const checked = checkPolicy({
    bind: { addresses: ["10.0.0.0/33", "everywhere"], ports: ["0-5", "9-1", "443"] },
    exec: { allow: ["check"] },
    socket: {},
  });
  expect(checked.ok ? [] : checked.problems.map(({ pointer }) => pointer)).toEqual([
    "/bind/addresses/0",
    "/bind/addresses/1",
    "/bind/ports/0",
    "/bind/ports/1",
    "/exec/allow/0",
    "/socket",
  ]);
});
