import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { checkDocuments } from "../../../infra/tools/check-documents.ts";
import { checkForeignNames } from "../../../infra/tools/check-foreign-names.ts";
import { checkDocFaults } from "../../../infra/tools/doc-faults.ts";
import { checkDocLimits } from "../../../infra/tools/doc-limits.ts";

const fence = "```";

describe("the documents", () => {
  test("may name what exists: files, folders, patterns, links", async () => {
    const root = treeOf({
      "shared/base/clock.ts": "",
      "docs/flow.md": "See [the clock](../shared/base/clock.ts#L1) and <https://example.org>.",
      "README.md":
        "[Flow](docs/flow.md), `shared/base/clock.ts`, `shared/base`, `shared/**/*.ts`, `shared/<noun>.ts`, [web](https://example.org)",
    });
    expect(await checkDocuments(root)).toMatchObject({ ok: true, output: "", note: "2 documents" });
  });

  test("are refused when a path or a link leads nowhere, with file and line", async () => {
    const root = treeOf({
      "README.md": "first line\nsee `shared/gone.ts`, `control/*.ts` and [flow](docs/gone.md)",
    });
    const { ok, output } = await checkDocuments(root);
    expect(ok).toBe(false);
    expect(output.split("\n")).toEqual([
      "README.md:2 names shared/gone.ts, which does not exist",
      "README.md:2 names control/*.ts, which does not exist",
      "README.md:2 names docs/gone.md, which does not exist",
    ]);
  });

  test("may not lead out of the project", async () => {
    const { output } = await checkDocuments(treeOf({ "docs/a.md": "[x](../../elsewhere.md)" }));
    expect(output).toBe("docs/a.md:1 names ../../elsewhere.md, which does not exist");
  });

  test("may show anything in a fenced block", async () => {
    const root = treeOf({ "README.md": `${fence}\n\`shared/gone.ts\`\n${fence}\n` });
    expect((await checkDocuments(root)).ok).toBe(true);
  });

  test("may show commands that exist, in fenced blocks too", async () => {
    const root = treeOf({
      "package.json": JSON.stringify({ scripts: { agent: "", "bench:tls": "" } }),
      "README.md": `\`npm run bench:tls\`, \`npm run bench:*\`\n${fence}\nnpm run --silent agent -- run\nnpm run gone\n${fence}\n`,
    });
    const { output } = await checkDocuments(root);
    expect(output).toBe("README.md:4 shows npm run gone, which does not exist");
  });

  test("are all reached from the front page", async () => {
    const { output } = await checkDocuments(
      treeOf({ "README.md": "[A](docs/a.md)", "docs/a.md": "", "docs/b.md": "" }),
    );
    expect(output).toBe("README.md does not lead to docs/b.md");
  });
});

describe("the limits", () => {
  const source =
    "/** Why. */\nexport const frameBytesMax = 28 * 1024;\nexport const sweepMs = 2_000;\n";

  test("are all named by the document", () => {
    expect(checkDocLimits(source, "| `frameBytesMax` | 28 KB |\n")).toEqual([
      "docs/limits.md does not name sweepMs of shared/base/limits.ts",
    ]);
  });

  test("are the only ones in it", () => {
    const markdown = "| `frameBytesMax` | a |\n| `sweepMs` | b |\n| `goneMax` | c |\n";
    expect(checkDocLimits(source, markdown)).toEqual([
      "docs/limits.md explains goneMax, which shared/base/limits.ts does not have",
    ]);
  });

  test("stand there in the same groups and order", () => {
    const grouped = `// ---- the link ----\n${source}// ---- the disk ----\nexport const diskMax = 1;\n`;
    const inOrder =
      "## The link\n| `frameBytesMax` |\n| `sweepMs` |\n## The disk\n| `diskMax` |\n## End";
    expect(checkDocLimits(grouped, inOrder)).toEqual([]);
    expect(
      checkDocLimits(grouped, "## The link\n| `sweepMs` |\n| `frameBytesMax` |\n| `diskMax` |"),
    ).toEqual(["docs/limits.md has sweepMs where shared/base/limits.ts has frameBytesMax"]);
    const otherGroup =
      "## The link\n| `frameBytesMax` |\n## The disk\n| `sweepMs` |\n| `diskMax` |";
    expect(checkDocLimits(grouped, otherGroup)).toEqual([
      "docs/limits.md has The disk where shared/base/limits.ts has sweepMs",
    ]);
  });
});

test("every fault that the sources can make is told, once it is told of any", () => {
  const sources = [
    'throw new Fault({ code: "storage/unavailable", owner });',
    'code: "wire/too-big"',
  ];
  expect(checkDocFaults(sources, "| `wire/too-big` | closed |")).toEqual([
    "docs/failure.md does not tell about the fault storage/unavailable",
  ]);
});

test("a fault whose code is chosen where it is made is told, whichever it is", () => {
  const sources = [
    'code: taken ? "local/port-taken" : "local/port-refused",',
    'code:\n      isLong\n        ? "wire/too-long"\n        : "wire/too-short",',
    'code: "wire/named", headers: { "content-type": "text/plain" }',
  ];
  expect(checkDocFaults(sources, "`local/port-taken` `wire/named` `wire/too-short`")).toEqual([
    "docs/failure.md does not tell about the fault local/port-refused",
    "docs/failure.md does not tell about the fault wire/too-long",
  ]);
});

test("faults of infra are told as well", async () => {
  const source = 'throw new Fault({ code: "local/refused" });';
  const root = treeOf({ "docs/failure.md": "none", "infra/local/a.ts": source });
  expect((await checkDocuments(root)).output).toBe(
    "docs/failure.md does not tell about the fault local/refused",
  );
});

test("a file that names the machine it was written on is refused", async () => {
  const workPath = ["", "work", "x"].join("/");
  const root = treeOf({ "docs/a.md": `line\nsee ${workPath}\n`, ".ci/run": `cat ${workPath}` });
  const { ok, output } = await checkForeignNames(root);
  expect(ok).toBe(false);
  expect(output).toContain("docs/a.md:2 matches");
  expect(output).toContain(".ci/run:1 matches");
});

function treeOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "midstream-documents-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
