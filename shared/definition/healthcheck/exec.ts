import { z } from "zod";

import { textCharsMax } from "../../base/limits.ts";
import { textSchema } from "../fields.ts";
import { section } from "../section.ts";
import { checkingShape } from "./checking.ts";

/** Runs a command with the backend's host and port; what it prints decides. */
export const execCheckSchema = section({
  kind: z.literal("exec"),
  command: textSchema.meta({ description: "A program; it is called with host and port" }),
  // Printing nothing then means healthy, so a program's exit status is enough.
  expectedPositiveOutput: z.string().max(textCharsMax).default(""),
  expectedNegativeOutput: z.string().max(textCharsMax).default(""),
  trimOutput: z.boolean().optional().meta({
    description: "White space around the output does not matter",
  }),
  ...checkingShape,
}).meta({
  id: "ExecCheck",
  description: "Runs a command with the backend's host and port; what it prints decides",
});

export type ExecCheck = z.output<typeof execCheckSchema>;
