import { join } from "node:path";

import { checkBoundaries } from "./boundaries.ts";
import { checkDocuments } from "./check-documents.ts";
import { checkForeignNames } from "./check-foreign-names.ts";
import { runNode } from "./command.ts";
import type { Step, StepOutcome } from "./run-steps.ts";

/** Our modules that the boundary checker must have seen at least; raise it as the tree grows. */
const modulesSeenMin = 200;

/** The checks of `npm run verify`, the slow ones first. */
export function verifySteps(root: string): readonly Step[] {
  const tool =
    (script: string, ...args: readonly string[]) =>
    (): Promise<StepOutcome> =>
      runTool(root, [join("node_modules", script), ...args]);
  return [
    {
      name: "types",
      remedy: "Fix the types; `npx tsc --noEmit` repeats this check.",
      run: tool("typescript/bin/tsc", "--noEmit", "--pretty", "false"),
    },
    {
      name: "lint",
      remedy: "`npm run lint:fix` mends some; a suppression needs its reason on the same line.",
      run: tool("oxlint/bin/oxlint", "--format=unix"),
    },
    {
      name: "dead code",
      remedy: "Delete what nothing uses, or use it; entry points are listed in knip.json.",
      run: tool("knip/bin/knip.js", "--no-progress", "--no-config-hints"),
    },
    {
      name: "boundaries",
      remedy:
        "Move the code or pass it in as an argument; .dependency-cruiser.mjs has the reasons.",
      run: () => checkBoundaries(root, modulesSeenMin),
    },
    {
      name: "format",
      remedy: "Run `npm run format`.",
      run: tool("oxfmt/bin/oxfmt", "--check", "."),
    },
    {
      name: "documents",
      remedy: "Make the documents say what the tree has.",
      run: () => checkDocuments(root),
    },
    {
      name: "foreign names",
      remedy: "The project must read and run without the machine it was written on.",
      run: () => checkForeignNames(root),
    },
  ];
}

async function runTool(root: string, args: readonly string[]): Promise<StepOutcome> {
  const { code, output } = await runNode(root, args, { NO_COLOR: "1", FORCE_COLOR: "0" });
  return { ok: code === 0, output: output === "" ? `ended with ${code ?? "a signal"}` : output };
}
