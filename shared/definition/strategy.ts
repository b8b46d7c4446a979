import { z } from "zod";

import {
  backendsPerBalancerMax,
  loadPercentMax,
  loadPercentMin,
  stickyEntriesMax,
} from "../base/limits.ts";
import { durationField } from "./duration-field.ts";
import { section } from "./section.ts";

/** How a backend is chosen for a new connection or session. */
export const strategySchema = z
  .enum(["weight", "roundrobin", "leastconn", "leastbandwidth", "iphash", "iphash1"])
  .meta({
    id: "Strategy",
    description:
      "weight: by priority, then at random in proportion to the weights; roundrobin: in turn; " +
      "leastconn: fewest connections; leastbandwidth: least traffic; iphash: by the client's " +
      "address; iphash1: the same, and only the clients of a changed backend move",
  });

export type Strategy = z.output<typeof strategySchema>;

/** Refinements of a strategy; each names the strategies it means something to. */
export const strategyOptionsSchema = section({
  weighted: z.boolean().optional().meta({
    description: "leastconn, roundrobin: in proportion to the backends' weights",
  }),
  hashClientPort: z.boolean().optional().meta({
    description:
      "iphash, iphash1: the client's port counts as well, for clients behind one address",
  }),
  sticky: section({
    expiry: durationField({ minMs: 1_000, orZero: false }),
    entriesMax: z.int().min(1).max(stickyEntriesMax),
  })
    .optional()
    .meta({ description: "Remembers each client's backend for a time" }),
  maxLoadPercent: z
    .int()
    .min(loadPercentMin)
    .max(loadPercentMax)
    .optional()
    .meta({
      description:
        "iphash1: a backend that holds more than this share of the average number of connections " +
        "is passed over; its next clients go to their second choice",
    }),
  backupBelow: z
    .int()
    .min(1)
    .max(backendsPerBalancerMax)
    .optional()
    .meta({
      description:
        "Backends with a higher priority number are backups: they serve as well, in that order, only " +
        "while fewer than so many of the lower numbers live",
    }),
  slowStart: durationField().optional().meta({
    description: "A backend that came back reaches its full share only after this time",
  }),
}).meta({ id: "StrategyOptions", description: "Refinements; each is for some strategies" });

export type StrategyOptions = z.output<typeof strategyOptionsSchema>;
