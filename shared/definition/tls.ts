import { z } from "zod";

import { acmeHostsMax, certificatesPerBalancerMax } from "../base/limits.ts";
import { hostNameSchema } from "./fields.ts";
import { certificateFilesSchema, storedCertificateSchema } from "./key-pair.ts";
import { section } from "./section.ts";
import { checkVersionRange, handshakeShape } from "./tls-version.ts";

const acmeCertificateSchema = section({
  acme: section({ hosts: z.array(hostNameSchema).min(1).max(acmeHostsMax) }),
}).meta({ id: "AcmeCertificate", description: "A certificate obtained for these host names" });

/** One certificate that clients are shown. */
export const certificateSchema = z
  .union([storedCertificateSchema, certificateFilesSchema, acmeCertificateSchema], {
    error: "give exactly one of certificate, files and acme",
  })
  .meta({ id: "Certificate" });

export type Certificate = z.output<typeof certificateSchema>;

/** Terminates the clients' TLS. */
export const tlsSchema = section({
  certificates: z.array(certificateSchema).min(1).max(certificatesPerBalancerMax).meta({
    description: "Chosen by the host name the client asks for; the first is shown for any other",
  }),
  ...handshakeShape,
})
  .superRefine(checkVersionRange)
  .meta({ id: "Tls", description: "Terminates the clients' TLS" });
