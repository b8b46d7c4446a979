/**
 * Builds the addon: `npm run build:native`. With `--install`, as part of an installation, it never
 * fails: an agent without the addon relays by the portable engine.
 */
import { parseArgs } from "node:util";

import { buildNative, type BuildOutcome } from "./native-build.ts";

const { values } = parseArgs({
  options: { install: { type: "boolean", default: false }, sanitize: { type: "boolean" } },
});
const isInstall = values.install;
const outcome = await buildNative({ sanitize: values.sanitize === true });
process.stdout.write(`native engine: ${inWords(outcome)}\n`);
const isThere = outcome.kind === "built" || outcome.kind === "up-to-date";
process.exit(isThere || isInstall ? 0 : 1);

function inWords(done: BuildOutcome): string {
  switch (done.kind) {
    case "built":
      return `built ${done.file}`;
    case "up-to-date":
      return `${done.file} is up to date`;
    case "no-compiler":
      return `not built, no C++ compiler (${done.tried.join(", ")}); the agent relays by the portable engine`;
    case "no-headers":
      return `not built, Node's headers are in none of ${done.tried.join(", ")}; the agent relays by the portable engine`;
    case "failed":
      return `not built, the agent relays by the portable engine; the compiler says:\n${done.output}`;
  }
}
