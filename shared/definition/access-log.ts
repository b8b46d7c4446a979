import { z } from "zod";

import { section } from "./section.ts";

/** Writes a line for each connection that ended. Without the section nothing is written. */
export const accessLogSchema = section({
  // Whoever asks for a log wants to find their connection in it.
  sample: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .meta({
      description:
        "The share of connections that is logged; those that failed or were turned away always are",
      examples: [1, 0.01],
    }),
}).meta({ id: "AccessLog", description: "Writes a line for each connection that ended" });
