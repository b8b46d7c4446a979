import { z } from "zod";

import { commandWordsMax } from "../../base/limits.ts";
import { textSchema } from "../fields.ts";
import { section } from "../section.ts";
import { commandTimeoutDefault, fetchingShape } from "./fetching.ts";

/** Backends from the lines that a command prints. */
export const execDiscoverySchema = section({
  kind: z.literal("exec"),
  command: z
    .array(textSchema)
    .min(1)
    .max(commandWordsMax)
    .meta({ description: "Program and arguments; no shell takes part" }),
  ...fetchingShape(commandTimeoutDefault),
}).meta({ id: "ExecDiscovery", description: "Backends from the lines that a command prints" });
