import { z } from "zod";

import { pollIntervalMsMin } from "../../base/limits.ts";
import { durationField } from "../duration-field.ts";

/** What every discovery that asks a source has; the timeout's default is the kind's own. */
export function fetchingShape(timeoutDefault: string): typeof fetchingFields {
  return {
    ...fetchingFields,
    timeout: durationField().prefault(timeoutDefault).meta({
      description: 'Time for one fetch; "0" is without limit',
    }),
  };
}

/** A local agent answers or is down. */
export const localTimeoutDefault = "2s";
/** A command starts a process first. */
export const commandTimeoutDefault = "3s";
/** A source across a network: two lost packets and their retries. */
export const remoteTimeoutDefault = "5s";

const fetchingFields = {
  // A source that fails says nothing about its backends, so they stay.
  failPolicy: z.enum(["keeplast", "setempty"]).default("keeplast").meta({
    description: "After a failed fetch: keep the last backends, or have none",
  }),
  // A discovery that never looks again is a static list with more parts; ten seconds burden no source.
  interval: durationField({ minMs: pollIntervalMsMin }).prefault("10s").meta({
    description: 'Time between fetches; "0" fetches until the first success and never again',
  }),
  timeout: durationField().prefault(remoteTimeoutDefault),
};
