import { z } from "zod";

import { pemCharsMax } from "../base/limits.ts";
import { idSchema, pathSchema } from "./fields.ts";
import { boundedText } from "./reading.ts";
import { secretSchema } from "./secret-value.ts";
import { section } from "./section.ts";

/** A certificate kept by the control plane. */
export const storedCertificateSchema = section({ certificate: idSchema }).meta({
  id: "StoredCertificate",
  description: "A certificate kept by the control plane, by its id",
});

/** A certificate and its key in files of the node. */
export const certificateFilesSchema = section({
  files: section({
    certPath: pathSchema,
    keyPath: pathSchema,
    passphrase: secretSchema.optional().meta({ description: "Of a key that is encrypted" }),
  }),
}).meta({ id: "CertificateFiles", description: "A certificate and its key in files of the node" });

/** The certificate that we show when we are the client. */
export const clientCertificateSchema = z
  .union(
    [
      storedCertificateSchema,
      certificateFilesSchema,
      section({
        pem: section({ certificate: boundedText(pemCharsMax), key: secretSchema }),
      }).meta({ id: "CertificatePem", description: "A certificate and its key as PEM texts" }),
    ],
    { error: "give exactly one of certificate, files and pem" },
  )
  .meta({ id: "ClientCertificate" });

/** The authorities that a certificate must come from. */
export const authoritySchema = z
  .union(
    [
      section({ file: pathSchema }).meta({
        id: "AuthorityFile",
        description: "In a file of the node",
      }),
      section({ pem: boundedText(pemCharsMax) }).meta({
        id: "AuthorityPem",
        description: "As a text",
      }),
    ],
    { error: "give exactly one of file and pem" },
  )
  .meta({ id: "Authority", description: "A bundle of certificates in PEM" });
