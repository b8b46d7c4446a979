import { z } from "zod";

import { formatDuration } from "#shared/base/duration.ts";
import { buckets10sMsKept } from "#shared/base/limits.ts";
import { backendStates } from "#shared/definition/managed-backend.ts";

import type { TrafficView } from "../../view/traffic-view.ts";

const counters = {
  connections: z.number().meta({ description: "That reached a backend" }),
  refused: z.number().meta({ description: "Dials that failed" }),
  rejected: z.number().meta({ description: "Closed without a dial" }),
  rxBytes: z.number().meta({ description: "From backends to clients" }),
  txBytes: z.number().meta({ description: "From clients to backends" }),
};

const activeConnections = z.number().meta({ description: "Open now, on reporting nodes" });

export const trafficAnswerSchema = z
  .object({
    window: z.string(),
    nodes: z.object({ reporting: z.int(), expected: z.int() }),
    ageMs: z.number().nullable().meta({ description: "How old the oldest part of the picture is" }),
    totals: z.object({ ...counters, activeConnections }),
    rates: z.object({
      overMs: z.number().meta({ description: "Averages over this much of the past" }),
      connectionsPerSecond: z.number(),
      refusedPerSecond: z.number(),
      rxBytesPerSecond: z.number(),
      txBytesPerSecond: z.number(),
    }),
    backends: z.array(
      z.object({
        backend: z.string(),
        ...counters,
        activeConnections,
        live: z.int().meta({ description: "Reporting nodes that find it healthy" }),
        nodes: z.int().meta({ description: "Reporting nodes that know it" }),
        gone: z.boolean().meta({
          description:
            "It has left every node and its last connection is closed; it is listed for what it " +
            "did within the window",
        }),
        state: z.enum(backendStates).meta({
          description: "What the balancer's managed backends say of it",
        }),
      }),
    ),
    byNode: z.array(
      z.object({
        node: z.string(),
        hostname: z.string(),
        reporting: z.boolean(),
        ageMs: z.number().nullable(),
        activeConnections: z.number(),
        totals: z
          .object(counters)
          .nullable()
          .meta({
            description:
              `null for a window of more than ${formatDuration(buckets10sMsKept)}: what is older is ` +
              "kept by the minute and for all nodes together, else a month of a thousand nodes " +
              "would be a thousand times as much",
          }),
        droppedRows: z.number().meta({
          description:
            "Rows of its reports that are not counted, while their counting is remembered: too " +
            "many had to wait on the node, or they were refused",
        }),
      }),
    ),
  })
  .meta({ id: "Traffic" });

trafficAnswerSchema satisfies z.ZodType<TrafficView>;
