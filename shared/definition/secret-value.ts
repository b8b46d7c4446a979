import { z } from "zod";

import { parseId, type SecretId } from "../base/ids.ts";
import { secretBytesMax } from "../base/limits.ts";
import type { ProblemCode } from "./problem-code.ts";
import { boundedText } from "./reading.ts";
import { section } from "./section.ts";

const secretIdSchema = boundedText(64).refine((text): text is SecretId => isSecretId(text), {
  error: "is not the id of a secret",
});

/** A secret by its id: what is stored, shown, and compared. */
export const secretReferenceSchema = section({ secret: secretIdSchema }).meta({
  id: "SecretReference",
  description: "A secret that was written before; writing it back keeps the value",
});

const plainSecretSchema = boundedText(secretBytesMax).refine(
  (text) => new TextEncoder().encode(text).byteLength <= secretBytesMax,
  {
    error: `must have at most ${secretBytesMax} bytes`,
    params: { code: "out-of-range" satisfies ProblemCode },
  },
);

/** What an answer shows in place of a secret that is stored in plain text. */
export const hiddenSecret = "(hidden)";

/** Plain text when it is written for the first time, a reference from then on. */
export const secretSchema = z
  .union([plainSecretSchema, secretReferenceSchema], {
    error: "write the secret as a text, or as the reference that was read: {secret: id}",
  })
  .meta({ id: "Secret" });

export type SecretReference = z.output<typeof secretReferenceSchema>;
export type SecretValue = z.output<typeof secretSchema>;

function isSecretId(text: string): text is SecretId {
  return parseId("sec", text) !== undefined;
}
