import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { checkBoundaries } from "../../../infra/tools/boundaries.ts";
import type { StepOutcome } from "../../../infra/tools/run-steps.ts";

const repository = join(import.meta.dirname, "..", "..", "..");
const areas = ["shared", "control", "node-agent", "infra", "test"];

type Files = Readonly<Record<string, string>>;

/** What the forbidden imports lead to, and one file for each allowed direction. */
const allowed: Files = {
  "shared/base/clock.ts": "export const clock = 1;",
  "shared/snapshot/hash.ts": 'import { createHash } from "node:crypto"; export { createHash };',
  "shared/wire/frame.ts":
    'import { clock } from "#shared/base/clock.ts"; export const frame = clock;',
  "control/main.ts": 'import { app } from "./app.ts"; console.log(app);',
  "control/app.ts": 'import { route } from "./http/route.ts"; export const app = route;',
  "control/http/route.ts": 'import { verb } from "../verbs/verb.ts"; export const route = verb;',
  "control/verbs/verb.ts":
    'import { table } from "../storage/table.ts"; export const verb = table;',
  "control/storage/table.ts":
    'import { clock } from "#shared/base/clock.ts"; export const table = clock;',
  "control/publish/build-group.ts": "export const build = 1;",
  "control/publish/publish.ts":
    'import { build } from "./build-group.ts"; export const publish = build;',
  "control/node-link/carrier.ts":
    'import { publish } from "../publish/publish.ts"; export const carrier = publish;',
  "control/node-link/link-machine.ts":
    'import type { carrier } from "./carrier.ts"; export type Link = typeof carrier;',
  "node-agent/main.ts": 'import { flow } from "./flow/tcp-flow.ts"; console.log(flow);',
  "node-agent/flow/tcp-flow.ts":
    'import { elect } from "../elect/elect.ts"; import { dial } from "../connect/dial.ts"; export const flow = [elect, dial];',
  "node-agent/elect/elect.ts":
    'import { view } from "../pool/pool-view.ts"; export const elect = view;',
  "node-agent/connect/dial.ts": 'import net from "node:net"; export const dial = net;',
  "node-agent/pool/pool-view.ts": "export const view = 1;",
  "node-agent/pool/backend-table.ts": "export const table = 1;",
  "infra/local/main.ts": 'import { clock } from "#shared/base/clock.ts"; console.log(clock);',
  "infra/tools/verify.ts": "export const verify = 1;",
  "test/support/near.ts": 'import { app } from "../../control/app.ts"; export const near = app;',
};

/** Each of these imports is refused by the rule before it. */
const forbidden = [
  ["shared-imports-nothing-of-ours", "shared/wire/a.ts", "../../control/app.ts"],
  ["shared-base-is-the-bottom", "shared/base/a.ts", "#shared/wire/frame.ts"],
  ["areas-stay-apart", "control/http/a.ts", "../../node-agent/elect/elect.ts"],
  ["areas-stay-apart", "node-agent/pool/a.ts", "@midstream/control/app.ts"],
  ["areas-stay-apart", "infra/local/a.ts", "../../control/app.ts"],
  ["source-never-imports-test", "control/verbs/a.ts", "../../test/support/near.ts"],
  ["tools-are-only-run", "infra/local/b.ts", "../tools/verify.ts"],
  ["shared-by-its-name", "control/verbs/b.ts", "../../shared/base/clock.ts"],
  ["shared-by-its-name", "control/verbs/c.ts", "@midstream/shared/base/clock.ts"],
  ["control-verbs", "control/verbs/d.ts", "../http/route.ts"],
  ["control-verbs", "control/verbs/e.ts", "../node-link/carrier.ts"],
  ["control-verbs", "control/verbs/f.ts", "../publish/publish.ts"],
  ["control-http", "control/http/b.ts", "../storage/table.ts"],
  ["control-storage", "control/storage/a.ts", "../verbs/verb.ts"],
  ["control-view", "control/view/a.ts", "../verbs/verb.ts"],
  ["control-publish", "control/publish/a.ts", "../node-link/carrier.ts"],
  ["control-aggregate", "control/aggregate/a.ts", "../publish/publish.ts"],
  ["control-node-link", "control/node-link/a.ts", "../storage/table.ts"],
  ["stages-meet-only-in-flow", "node-agent/listen/a.ts", "../elect/elect.ts"],
  ["stages-meet-only-in-flow", "node-agent/apply/a.ts", "../flow/tcp-flow.ts"],
  ["pool-knows-no-stage", "node-agent/pool/b.ts", "../elect/elect.ts"],
  ["runtime-is-the-bottom", "node-agent/runtime/a.ts", "../pool/pool-view.ts"],
  ["nobody-imports-the-assembler", "control/http/c.ts", "../app.ts"],
  ["nobody-imports-the-assembler", "node-agent/flow/a.ts", "../main.ts"],
  ["pure-does-no-io", "shared/wire/b.ts", "node:net"],
  ["pure-does-no-io", "node-agent/apply/plan.ts", "node:fs/promises"],
  ["pure-does-no-io", "node-agent/elect/a.ts", "dgram"],
  ["pure-does-no-io", "control/publish/build-manifest.ts", "node:http2"],
  ["pure-does-no-io", "control/node-link/link-machine-resume.ts", "node:tls"],
  ["pure-does-no-io", "node-agent/control-link/link-machine.ts", "node:worker_threads"],
  ["pure-uses-no-crypto", "shared/wire/c.ts", "node:crypto"],
  ["pure-imports-pure", "control/node-link/link-machine-hello.ts", "./carrier.ts"],
  ["pure-imports-pure", "node-agent/elect/b.ts", "../pool/backend-table.ts"],
  ["no-unresolvable", "shared/wire/d.ts", "#shared/wire/nowhere.ts"],
] as const;

describe("the directions of imports", () => {
  test("allow what the flow needs", async () => {
    const outcome = await checkTree(allowed);
    expect(outcome.output).toBe("");
    expect(outcome).toMatchObject({ ok: true, note: `${Object.keys(allowed).length} modules` });
  });

  describe("refuse", () => {
    let lines: readonly string[] = [];

    beforeAll(async () => {
      const root = treeOf({
        ...allowed,
        ...Object.fromEntries(forbidden.map(([, from, to]) => [from, `import "${to}";`])),
      });
      const outcome = await checkBoundaries(root, 1);
      rmSync(root, { recursive: true });
      lines = outcome.output.split("\n");
    });

    test.for(forbidden)("by %s: %s importing %s", ([rule, from]) => {
      expect(lines.filter((line) => line.startsWith(`${rule}: ${from} → `))).toHaveLength(1);
    });
  });

  test("refuse a type import as they refuse a value", async () => {
    const source = 'import type { elect } from "../elect/elect.ts"; export type E = typeof elect;';
    const outcome = await checkTree({ ...allowed, "node-agent/listen/a.ts": source });
    expect(rulesOf(outcome)).toEqual(["stages-meet-only-in-flow"]);
  });

  test("refuse a circle that closes through #shared", async () => {
    const outcome = await checkTree({
      ...allowed,
      "shared/wire/a.ts": 'import { b } from "#shared/snapshot/b.ts"; export const a = () => b;',
      "shared/snapshot/b.ts": 'import { a } from "../wire/a.ts"; export const b = () => a;',
    });
    expect(new Set(rulesOf(outcome))).toEqual(new Set(["no-circles"]));
  });
});

describe("the checker", () => {
  test("complains when it saw suspiciously few modules", async () => {
    const outcome = await checkTree(allowed, Object.keys(allowed).length + 1);
    expect(outcome.ok).toBe(false);
    expect(rulesOf(outcome)).toEqual(["too-few-modules"]);
  });

  test("complains when a file of the tree was not looked at", async () => {
    const root = treeOf(allowed);
    onTestFinished(() => rmSync(root, { recursive: true }));
    const config = join(root, ".dependency-cruiser.mjs");
    writeFileSync(config, 'export default { options: { exclude: { path: "^infra/" } } };');
    const outcome = await checkBoundaries(root, 1);
    expect(new Set(rulesOf(outcome))).toEqual(new Set(["not-seen"]));
  });

  test("is red when it cannot run at all", async () => {
    const root = treeOf(allowed);
    onTestFinished(() => rmSync(root, { recursive: true }));
    rmSync(join(root, ".dependency-cruiser.mjs"));
    expect(await checkBoundaries(root, 1)).toMatchObject({ ok: false });
  });
});

function checkTree(files: Files, modulesMin = 1): Promise<StepOutcome> {
  const root = treeOf(files);
  onTestFinished(() => rmSync(root, { recursive: true }));
  return checkBoundaries(root, modulesMin);
}

/** A tree with the project's own rules and package names, and only these files. */
function treeOf(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), "midstream-boundaries-"));
  for (const name of ["package.json", "tsconfig.json", ".dependency-cruiser.mjs"]) {
    cpSync(join(repository, name), join(root, name));
  }
  mkdirSync(join(root, "node_modules", "@midstream"), { recursive: true });
  for (const area of areas) {
    mkdirSync(join(root, area));
    cpSync(join(repository, area, "package.json"), join(root, area, "package.json"));
    symlinkSync(join(root, area), join(root, "node_modules", "@midstream", area));
  }
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
  }
  return root;
}

/** The name of the rule starts each line of a red outcome. */
function rulesOf(outcome: StepOutcome): readonly string[] {
  return outcome.output.split("\n").map((line) => line.split(":")[0] ?? "");
}
