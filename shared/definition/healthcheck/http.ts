import { z } from "zod";

import { httpHeadersMax, textCharsMax } from "../../base/limits.ts";
import { hostNameSchema } from "../fields.ts";
import { patternField } from "../pattern-field.ts";
import { boundedText, refuse } from "../reading.ts";
import { secretReferenceSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { checkTlsSchema } from "./check-tls.ts";
import { checkingShape } from "./checking.ts";

/**
 * A header's name is a token, its value holds no line break (RFC 9110, section 5). A value may be a
 * key, so it is sealed.
 */
const headersSchema = z
  .record(
    boundedText(128).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: "is not a header's name" }),
    z
      .union(
        [
          z
            .string()
            .max(textCharsMax)
            .regex(/^[\t\x20-\x7e]*$/, { error: "is not a header's value" }),
          secretReferenceSchema,
        ],
        { error: "write the value as a text, or as the reference that was read: {secret: id}" },
      )
      .meta({ id: "SecretHeaderValue" }),
  )
  .refine((headers) => Object.keys(headers).length <= httpHeadersMax, {
    error: `at most ${httpHeadersMax} headers`,
    params: { code: "out-of-range" },
  });

const fields = section({
  kind: z.literal("http"),
  // Checks stay inside the network of the backends.
  scheme: z.enum(["http", "https"]).default("http"),
  // The one method that every page has, and whose answer has a body to look at.
  method: z.enum(["GET", "HEAD", "OPTIONS", "POST"]).default("GET"),
  // The page that every site has.
  path: boundedText(textCharsMax)
    .regex(/^\/[\x21-\x7e]*$/, { error: "is not a path: it starts with / and holds no blanks" })
    .default("/"),
  host: hostNameSchema.optional().meta({
    description: "The Host header; the backend's host unless given",
  }),
  headers: headersSchema.optional().meta({ description: "Their values are secrets" }),
  // A redirect to a log-in page is a service that works.
  expectedStatuses: z
    .array(
      boundedText(7).regex(/^[1-5]\d\d(-[1-5]\d\d)?$/, {
        error: "is not a status or a range of them",
      }),
    )
    .min(1)
    .max(32)
    .default(["200-399"])
    .meta({ description: "Statuses, or ranges of them" }),
  bodyPattern: patternField().optional().meta({
    description: "RE2 that has to match in the body's beginning",
  }),
  tls: checkTlsSchema.optional(),
  ...checkingShape,
});

/** Asks for a page; status and body decide. Redirects are answers like others. */
export const httpCheckSchema = fields
  .superRefine(checkScheme)
  .meta({ id: "HttpCheck", description: "Asks for a page; status and body decide" });

export type HttpCheck = z.output<typeof httpCheckSchema>;

function checkScheme({ scheme, tls }: z.output<typeof fields>, check: z.RefinementCtx): void {
  if (tls === undefined || scheme === "https") return;
  refuse(check, { code: "conflict", detail: "means nothing to a check over http", path: ["tls"] });
}
