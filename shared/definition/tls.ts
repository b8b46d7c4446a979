import { z } from "zod";

import { acmeHostsMax, certificatesPerBalancerMax } from "../base/limits.ts";
import { hostNameSchema } from "./fields.ts";
import { authoritySchema, certificateFilesSchema, storedCertificateSchema } from "./key-pair.ts";
import { section } from "./section.ts";
import { alpnSchema, checkVersionRange, handshakeShape } from "./tls-version.ts";

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

/** Which certificates clients have to show. */
const clientAuthSchema = z
  .union(
    [
      section({ mode: z.enum(["request", "require"]) }).meta({
        id: "ClientAuthShown",
        description: "request takes any certificate or none, require takes any: nobody vouches",
      }),
      section({ mode: z.literal("verify"), authority: authoritySchema }).meta({
        id: "ClientAuthVerified",
        description: "Only certificates that come from this authority",
      }),
    ],
    { error: "give the mode request or require, or verify with an authority" },
  )
  .meta({ id: "ClientAuth", description: "Clients are asked for no certificate unless given" });

/** Terminates the clients' TLS. */
export const tlsSchema = section({
  certificates: z.array(certificateSchema).min(1).max(certificatesPerBalancerMax).meta({
    description: "Chosen by the host name the client asks for; the first is shown for any other",
  }),
  alpn: alpnSchema.optional().meta({
    description:
      "Protocols to agree on, ours first; a client that offers none of them is refused, one that " +
      "offers nothing is not. The extension is not answered unless given",
  }),
  clientAuth: clientAuthSchema.optional(),
  ...handshakeShape,
})
  .superRefine(checkVersionRange)
  .meta({ id: "Tls", description: "Terminates the clients' TLS" });

export type Tls = z.output<typeof tlsSchema>;
