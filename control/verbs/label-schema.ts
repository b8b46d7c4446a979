import { labelCharsMax } from "#shared/base/limits.ts";
import { storableText } from "#shared/definition/reading.ts";

/** The name of a tenant or of an API key, for people. */
export const labelSchema = storableText().trim().min(1).max(labelCharsMax);
