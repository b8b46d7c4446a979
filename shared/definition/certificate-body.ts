import { z } from "zod";

import { pemCharsMax } from "../base/limits.ts";
import { boundedText } from "./reading.ts";
import { secretReferenceSchema } from "./secret-value.ts";
import { section } from "./section.ts";

/** What an entry of the kind `certificate` is called in a manifest. */
export const certificateEntryKind = "certificate";

/**
 * A certificate as nodes get it: the chain in PEM, the leaf first, and the secret that is its key
 * (PKCS #8 in PEM, in clear once the secret is opened). It was checked before it was stored.
 */
export const certificateBodySchema = section({
  schema: z.literal(1),
  chain: boundedText(pemCharsMax),
  key: secretReferenceSchema,
}).meta({ id: "CertificateBody" });

export type CertificateBody = z.output<typeof certificateBodySchema>;
