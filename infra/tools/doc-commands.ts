import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

/** `npm run NAME`, wherever a document has it; a placeholder or a pattern is no name. */
const commandShape = /npm run (?:--silent )?([a-z][\w:-]*\w)(?![\w:*-])/g;

const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) });

/** Every `npm run` that a document shows is a script of the root: one line for each that is not. */
export function checkDocCommands(root: string, documents: readonly string[]): readonly string[] {
  const manifest = join(root, "package.json");
  if (!existsSync(manifest)) return [];
  const { scripts } = packageSchema.parse(JSON.parse(readFileSync(manifest, "utf8")));
  return documents.flatMap((document) =>
    readFileSync(join(root, document), "utf8")
      .split("\n")
      .flatMap((text, index) =>
        Array.from(text.matchAll(commandShape), ([, name = ""]) => ({ name, line: index + 1 })),
      )
      .filter(({ name }) => !Object.hasOwn(scripts, name))
      .map(({ name, line }) => `${document}:${line} shows npm run ${name}, which does not exist`),
  );
}
