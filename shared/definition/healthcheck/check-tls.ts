import { z } from "zod";

import { hostNameSchema } from "../fields.ts";
import { authoritySchema } from "../key-pair.ts";
import { section } from "../section.ts";

/** How a check over TLS looks at the backend's certificate. */
export const checkTlsSchema = section({
  ignoreVerify: z.boolean().optional().meta({ description: "Take any certificate" }),
  rootCa: authoritySchema.optional().meta({ description: "Instead of the node's own authorities" }),
  serverName: hostNameSchema.optional().meta({
    description: "The name that is sent and verified; the checked host unless given",
  }),
}).meta({ id: "CheckTls", description: "How a check over TLS looks at the certificate" });

export type CheckTls = z.output<typeof checkTlsSchema>;
