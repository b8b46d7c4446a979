import { z } from "zod";

import { nodeEventSchema } from "#shared/wire/node-frames.ts";

import type { EventRecord } from "../../verbs/event/list.ts";
import { moment } from "../../view/moment.ts";
import { momentSchema } from "./answer-schema.ts";

/** Kinds that this version knows; an agent that is newer may tell others. */
const knownKinds = nodeEventSchema.shape.kind.options;

export const eventAnswerSchema = z
  .object({
    seq: z.int().meta({ description: "Grows from event to event, with gaps" }),
    at: momentSchema.meta({ description: "By the node's clock, never later than it was heard" }),
    node: z.string(),
    kind: z.string().meta({
      description: `${knownKinds.join(", ")}; others may come`,
      examples: [...knownKinds],
    }),
    balancer: z.string().nullable(),
    backend: z.string().nullable().meta({ description: "host:port" }),
    detail: z.string().meta({ description: "For people" }),
  })
  .meta({
    id: "Event",
    examples: [
      {
        seq: 4711,
        at: "2026-01-31T12:00:00.000Z",
        node: "nod_01hzy8m5xk3v9q2w7r4t6e8b1c",
        kind: "backend.down",
        balancer: "bal_01hzy8m5xk0d5f7g9h1j3k5m7n",
        backend: "10.0.0.5:80",
        detail: "connect ECONNREFUSED 10.0.0.5:80",
      },
    ],
  });

export function eventAnswer(record: EventRecord): z.output<typeof eventAnswerSchema> {
  const { atMs, ...rest } = record;
  return { ...rest, at: moment(atMs) };
}
