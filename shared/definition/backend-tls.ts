import { z } from "zod";

import { hostNameSchema } from "./fields.ts";
import { authoritySchema, clientCertificateSchema } from "./key-pair.ts";
import { section } from "./section.ts";
import { alpnSchema, checkVersionRange, handshakeShape } from "./tls-version.ts";

/** Connects to backends with TLS. The name that is verified, and sent, is the backend's host. */
export const backendTlsSchema = section({
  // An unverified backend is whoever answers.
  ignoreVerify: z.boolean().default(false).meta({ description: "Take any certificate" }),
  rootCa: authoritySchema.optional().meta({ description: "Instead of the node's own authorities" }),
  clientCertificate: clientCertificateSchema.optional().meta({
    description: "Shown to backends that ask for one",
  }),
  serverName: hostNameSchema.optional().meta({
    description: "Sent and verified instead of the backend's host",
  }),
  alpn: alpnSchema.optional().meta({
    description: "Protocols to offer, in order of preference; none unless given",
  }),
  ...handshakeShape,
})
  .superRefine(checkVersionRange)
  .meta({ id: "BackendTls", description: "Connects to backends with TLS" });

export type BackendTls = z.output<typeof backendTlsSchema>;
