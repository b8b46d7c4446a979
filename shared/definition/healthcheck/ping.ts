import { z } from "zod";

import { section } from "../section.ts";
import { checkingShape } from "./checking.ts";

/** Connects over TCP and closes again. */
export const pingCheckSchema = section({ kind: z.literal("ping"), ...checkingShape }).meta({
  id: "PingCheck",
  description: "Connects over TCP and closes again",
});
