import { X509Certificate } from "node:crypto";

import { pemBlocks } from "./pem.ts";

const certificateLabels = new Set(["CERTIFICATE", "TRUSTED CERTIFICATE"]);

/** Why a text is no bundle of authorities that can be read, in PEM; undefined when it is. */
export function authoritiesProblem(text: string): string | undefined {
  const blocks = pemBlocks(text);
  if (blocks === undefined) return "is not PEM";
  if (blocks.length === 0) return "holds no certificate";
  const other = blocks.find(({ label }) => !certificateLabels.has(label));
  if (other !== undefined) {
    return `holds ${JSON.stringify(other.label)}; only certificates go here`;
  }
  const unreadable = blocks.findIndex((block) => !isReadable(block.text));
  return unreadable < 0 ? undefined : `certificate ${unreadable + 1} is none that OpenSSL can read`;
}

function isReadable(block: string): boolean {
  try {
    return new X509Certificate(block).raw.length > 0;
  } catch {
    return false;
  }
}
