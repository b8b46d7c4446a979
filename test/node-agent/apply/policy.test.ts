import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { checkPolicy, defaultPolicy } from "../../../node-agent/apply/policy.ts";
import { repository } from "../../support/processes.ts";

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

test("the example of the documents is a policy, and they tell about every field", async () => {
  const page = await readFile(join(repository, "docs", "policy.md"), "utf8");
  const example: unknown = JSON.parse(
    /```json\n(?<text>.*?)```/s.exec(page)?.groups?.["text"] ?? "",
  );
  expect(checkPolicy(example)).toMatchObject({ ok: true });
  const fields = Object.entries(defaultPolicy()).flatMap(([part, values]) =>
    Object.keys(values).map((name) => `${part}.${name}`),
  );
  const rows = page.split("\n").flatMap((line) => /^\| `([^`]+)` \|/.exec(line)?.[1] ?? []);
  expect(rows).toEqual(fields);
});
