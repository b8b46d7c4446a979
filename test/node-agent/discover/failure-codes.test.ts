import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

const folder = "node-agent/discover";
/** Said to whoever ended the fetch, and to nobody else. */
const unseen = new Set(["aborted"]);

test("docs/discovery.md lists every code that a fetch can fail with", () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts"));
  const texts = sources.map((file) => readFileSync(join(folder, file), "utf8"));
  const codes = texts.flatMap((text) =>
    [...text.matchAll(/failedFetch\(\s*"([a-z-]+)"/g)].map(([, code = ""]) => code),
  );
  const page = readFileSync("docs/discovery.md", "utf8");
  const table = page.slice(page.indexOf("| code | |"));
  const missing = [...new Set(codes)].filter((code) => !table.includes(`\`${code}\``));
  expect(codes.length).toBeGreaterThan(30);
  expect(missing.filter((code) => !unseen.has(code))).toEqual([]);
});
