import { authoritySchema, clientCertificateSchema } from "../key-pair.ts";
import { section } from "../section.ts";

/** Talks TLS to the source of a discovery; an empty section is TLS with the node's authorities. */
export const sourceTlsSchema = section({
  rootCa: authoritySchema.optional().meta({ description: "Instead of the node's own authorities" }),
  clientCertificate: clientCertificateSchema.optional(),
}).meta({ id: "SourceTls", description: "TLS towards the source" });
