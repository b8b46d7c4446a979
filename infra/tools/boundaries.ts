import { globSync } from "node:fs";
import { join } from "node:path";

import { runNode } from "./command.ts";
import type { StepOutcome } from "./run-steps.ts";

const areas = ["shared", "control", "node-agent", "infra", "test"];
const cruiser = join(
  import.meta.dirname,
  "../../node_modules/dependency-cruiser/bin/dependency-cruiser.mjs",
);

/** The part of dependency-cruiser's JSON that is read here. */
interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
      readonly comment?: string;
    }[];
  };
}

/**
 * Checks the imports of the tree at `root` against its `.dependency-cruiser.mjs`.
 *
 * A checker that looks at nothing is green, so it also fails when it saw fewer than `modulesMin` of
 * our modules, or not every file that lies there.
 */
export async function checkBoundaries(root: string, modulesMin: number): Promise<StepOutcome> {
  const args = [cruiser, "--config", ".dependency-cruiser.mjs", "--output-type", "json", ...areas];
  const { output } = await runNode(root, args);
  const cruise = parsed(output);
  if (cruise === undefined) return { ok: false, output };
  const seen = new Set(cruise.modules.map((module) => module.source));
  const problems = [
    ...cruise.summary.violations.map(
      ({ rule, from, to, comment }) => `${rule.name}: ${from} → ${to}${because(comment)}`,
    ),
    ...blindness(root, seen, modulesMin),
  ];
  const count = ours(root).filter((file) => seen.has(file)).length;
  return { ok: problems.length === 0, output: problems.join("\n"), note: `${count} modules` };
}

function because(comment: string | undefined): string {
  return comment === undefined ? "" : ` (${comment})`;
}

function blindness(root: string, seen: ReadonlySet<string>, modulesMin: number): string[] {
  const files = ours(root);
  const unseen = files.filter((file) => !seen.has(file));
  const count = files.length - unseen.length;
  return [
    ...unseen.map((file) => `not-seen: ${file} lies in the tree and was not looked at`),
    ...(count < modulesMin
      ? [`too-few-modules: saw ${count}, expected at least ${modulesMin}`]
      : []),
  ];
}

function ours(root: string): string[] {
  const pattern = `{${areas.join(",")}}/**/*.ts`;
  return globSync(pattern, { cwd: root, exclude: ["**/node_modules", "**/fixtures"] });
}

/** Guarantee: an object that starts a JSON document of dependency-cruiser has its documented shape. */
function parsed(output: string): Cruise | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
    return JSON.parse(output) as Cruise;
  } catch {
    return undefined;
  }
}
