/**
 * Builds the addon: `npm run build:native`. With `--install`, as part of an installation, it never
 * fails: an agent without the addon relays by the portable engine. `--compiler` and `--file` build
 * for another host, and `--json` says in one line what came out and what it asks of its host.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { readAddonNeeds } from "./addon-needs.ts";
import { nativeContract } from "./native-addon.ts";
import { buildNative, nodeApiVersion, type BuildOutcome } from "./native-build.ts";

const { values } = parseArgs({
  options: {
    install: { type: "boolean", default: false },
    sanitize: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    compiler: { type: "string" },
    file: { type: "string" },
  },
});
const { install: isInstall, sanitize, compiler, file } = values;
const outcome = await buildNative({
  sanitize,
  ...(compiler === undefined ? {} : { compiler }),
  ...(file === undefined ? {} : { file: resolve(file) }),
});
const isThere = outcome.kind === "built" || outcome.kind === "up-to-date";
const said = values.json ? await inJson(outcome) : `native engine: ${inWords(outcome)}`;
process.stdout.write(`${said}\n`);
process.exit(isThere || isInstall ? 0 : 1);

async function inJson(done: BuildOutcome): Promise<string> {
  if (done.kind !== "built" && done.kind !== "up-to-date") return JSON.stringify(done);
  const needs = readAddonNeeds(await readFile(done.file));
  const asks = { contract: nativeContract, nodeApi: nodeApiVersion, ...needs };
  return JSON.stringify({ kind: "built", file: done.file, platform: "linux", ...asks });
}

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
