import { createSecureContext } from "node:tls";

import { errorText } from "#shared/base/fault.ts";
import { certificateBodySchema } from "#shared/definition/certificate-body.ts";

import type { FlowProblem, OpenCertificate } from "./flows.ts";

export type JudgedCertificate =
  | { readonly ok: true; readonly certificate: OpenCertificate }
  | { readonly ok: false; readonly problems: readonly FlowProblem[] };

/** Whether an entry of the kind certificate can be used here: its key came, and both belong together. */
export function judgeCertificate(
  body: unknown,
  secrets: ReadonlyMap<string, string>,
): JudgedCertificate {
  const parsed = certificateBodySchema.safeParse(body);
  if (!parsed.success) return refused("", "unknown-form", "this agent does not know such a form");
  const { chain, key } = parsed.data;
  const keyPem = secrets.get(key.secret);
  if (keyPem === undefined) {
    const detail = `the key ${key.secret} did not come sealed for this node`;
    return refused("/key", "secret-unavailable", detail);
  }
  try {
    createSecureContext({ cert: chain, key: keyPem });
    return { ok: true, certificate: { certificatePem: chain, keyPem } };
  } catch (error) {
    return refused("/chain", "certificate-unusable", `OpenSSL refuses it: ${errorText(error)}`);
  }
}

function refused(pointer: string, code: string, detail: string): JudgedCertificate {
  return { ok: false, problems: [{ pointer, code, detail }] };
}
