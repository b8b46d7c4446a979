import { z } from "zod";

import { execCheckSchema } from "./exec.ts";
import { httpCheckSchema } from "./http.ts";
import { noneCheckSchema } from "./none.ts";
import { pingCheckSchema } from "./ping.ts";
import { probeCheckSchema } from "./probe.ts";

/** How the agent finds out which backends are alive. */
export const healthcheckSchema = z
  .discriminatedUnion("kind", [
    noneCheckSchema,
    pingCheckSchema,
    probeCheckSchema,
    execCheckSchema,
    httpCheckSchema,
  ])
  .meta({ id: "Healthcheck", description: "How backends are found to be alive" });

export type Healthcheck = z.output<typeof healthcheckSchema>;
export type HealthcheckKind = Healthcheck["kind"];

/** Something that a check can do beyond its kind's plain form, and that older agents do not know. */
export const healthcheckOptions = [
  "target",
  "waitForFirstResult",
  "panicBelowPercent",
  "tls",
  "trimOutput",
] as const;

export type HealthcheckOption = (typeof healthcheckOptions)[number];
