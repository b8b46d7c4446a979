import { X509Certificate } from "node:crypto";

import { errorText } from "#shared/base/fault.ts";

/** Why a bundle of authorities cannot be used; undefined when all of it can be read. */
export function badAuthorities(pem: string): string | undefined {
  const blocks = pem.match(/-----BEGIN (TRUSTED )?CERTIFICATE-----[^-]+-----END [^-]+-----/g) ?? [];
  try {
    const read = blocks.map((block) => new X509Certificate(block));
    return read.length === 0 ? "there is no certificate in it" : undefined;
  } catch (error) {
    return errorText(error);
  }
}
