import { z } from "zod";

import { section } from "../section.ts";

/** No check: every backend is healthy. */
export const noneCheckSchema = section({ kind: z.literal("none") }).meta({
  id: "NoneCheck",
  description: "No check: every backend is healthy",
});
