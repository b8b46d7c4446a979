import { z } from "zod";

import { formatDuration } from "../../base/duration.ts";
import {
  commandFetchMsDefault,
  fetchMsMax,
  localFetchMsDefault,
  pollIntervalMsMin,
  remoteFetchMsDefault,
} from "../../base/limits.ts";
import { durationField } from "../duration-field.ts";
import { section } from "../section.ts";
import { emptyAnswerSchema } from "./empty-answer.ts";

/** What every discovery that asks a source has; the timeout's default is the kind's own. */
export function fetchingShape(timeoutDefault: string): typeof fetchingFields {
  return {
    ...fetchingFields,
    timeout: durationField()
      .prefault(timeoutDefault)
      .meta({
        description: `Time for one fetch; at most ${formatDuration(fetchMsMax)}, which "0" stands for too`,
      }),
  };
}

/** A local agent answers or is down. */
export const localTimeoutDefault: string = formatDuration(localFetchMsDefault);
/** A command starts a process first. */
export const commandTimeoutDefault: string = formatDuration(commandFetchMsDefault);
/** A source across a network: two lost packets and their retries. */
export const remoteTimeoutDefault: string = formatDuration(remoteFetchMsDefault);

/** Refuses an answer with far fewer backends than the last one: a source that lost its memory. */
const shrinkGuardSchema = section({
  percent: z
    .int()
    .min(1)
    .max(99)
    .meta({
      description: "An answer that has lost more than this share of the backends is refused",
      examples: [50],
    }),
  hold: durationField({ minMs: pollIntervalMsMin }).optional().meta({
    description: 'Taken all the same once it was told for so long; never when left out, or "0"',
  }),
}).meta({ id: "ShrinkGuard", description: "Refuses answers that have lost too many backends" });

const fetchingFields = {
  // A source that fails says nothing about its backends, so they stay.
  failPolicy: z.enum(["keeplast", "setempty"]).default("keeplast").meta({
    description: "After a failed fetch: keep the last backends, or have none",
  }),
  emptyAnswer: emptyAnswerSchema,
  // A discovery that never looks again is a static list with more parts; ten seconds burden no source.
  interval: durationField({ minMs: pollIntervalMsMin }).prefault("10s").meta({
    description: 'Time between fetches; "0" fetches until the first success and never again',
  }),
  timeout: durationField().prefault(remoteTimeoutDefault),
  shrinkGuard: shrinkGuardSchema.optional(),
};
