import { X509Certificate } from "node:crypto";

import { errorText } from "#shared/base/fault.ts";

const begin = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----/g;
const whole =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** Why a bundle of authorities cannot be used; undefined when all of it can be read. */
export function badAuthorities(pem: string): string | undefined {
  const begun = pem.match(begin)?.length ?? 0;
  const blocks = pem.match(whole) ?? [];
  if (begun === 0) return "there is no certificate in it";
  try {
    const read = blocks.map((block) => new X509Certificate(block));
    return read.length < begun ? "a certificate in it has no end, or is no base64" : undefined;
  } catch (error) {
    return errorText(error);
  }
}
