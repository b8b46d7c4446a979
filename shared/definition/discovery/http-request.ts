import { z } from "zod";

import { sourceHeadersMax } from "../../base/limits.ts";
import { textSchema } from "../fields.ts";
import { boundedText } from "../reading.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { sourceTlsSchema } from "./source-tls.ts";

/** Headers that say how the message is carried; they are the connection's own. */
const carrierHeaders = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A header's name is a token (RFC 9110, section 5.6.2). Its value may be a key, so it is sealed. */
const headerSchema = section({
  name: boundedText(128)
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: "is not a header's name" })
    .refine((name) => !carrierHeaders.has(name.toLowerCase()), {
      error: "belongs to the connection",
    }),
  value: secretSchema,
});

/** What a request to a page can carry besides its address. */
export const httpRequestShape = {
  headers: z.array(headerSchema).max(sourceHeadersMax).optional().meta({
    description: "Sent with each request, but not to another host that a redirect leads to",
  }),
  auth: section({ username: textSchema, password: secretSchema })
    .optional()
    .meta({ description: "HTTP Basic" }),
  bearerToken: secretSchema.optional().meta({ description: "Authorization: Bearer" }),
  tls: sourceTlsSchema.optional(),
};
