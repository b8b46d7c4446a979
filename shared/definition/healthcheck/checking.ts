import { z } from "zod";

import { pollIntervalMsMin, streakMax } from "../../base/limits.ts";
import { durationField } from "../duration-field.ts";
import { checkTargetSchema } from "./check-target.ts";

/** What every check that does something has. */
export const checkingShape = {
  // With two failures a dead backend is out within five seconds, at half a connection a second.
  interval: durationField({ minMs: pollIntervalMsMin, orZero: false }).prefault("2s").meta({
    description: "Time between the starts of two checks",
  }),
  // A backend that needs longer to answer nothing is not healthy, and checks never overlap.
  timeout: durationField().prefault("1s").meta({
    description: 'Time for one check; "0" is 60s',
  }),
  // One lost packet empties no pool.
  fails: streakField(2, "Failures in a row that take a backend out"),
  // A backend that answers again is wanted at once.
  passes: streakField(1, "Successes in a row that bring a backend back"),
  // An agent that starts must serve before it has checked anything.
  initialStatus: z.enum(["healthy", "unhealthy"]).default("healthy").meta({
    description: "What a new backend counts as until its first result",
  }),
  target: checkTargetSchema.optional(),
  waitForFirstResult: z.boolean().optional().meta({
    description: "No traffic for a new backend until its first result, which decides alone",
  }),
  panicBelowPercent: z.int().min(1).max(100).optional().meta({
    description: "When a smaller share of the backends is healthy, all of them are used",
  }),
};

function streakField(ofDefault: number, description: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(streakMax).default(ofDefault).meta({ description });
}
