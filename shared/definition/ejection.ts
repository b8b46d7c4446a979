import { z } from "zod";

import { pollIntervalMsMin, streakMax } from "../base/limits.ts";
import { durationField } from "./duration-field.ts";
import { section } from "./section.ts";

const ejectionTime = { minMs: pollIntervalMsMin, orZero: false } as const;

/** Leaves a backend out for a while after dials to it failed, beside or instead of checks. */
export const ejectionSchema = section({
  // Three clients of one moment can meet one lost packet.
  failures: z.int().min(1).max(streakMax).default(5).meta({
    description: "Dials in a row that have to fail, over all clients of the node",
  }),
  // Long enough to spare clients, short enough to come back from a restart.
  time: durationField(ejectionTime).prefault("10s").meta({
    description: "How long it is left out the first time; it doubles each time it fails again",
  }),
  maxTime: durationField(ejectionTime).prefault("5m").meta({
    description: "The longest it is left out",
  }),
}).meta({
  id: "Ejection",
  description: "Leaves a backend out for a growing time after dials to it failed in a row",
});

export type Ejection = z.output<typeof ejectionSchema>;
