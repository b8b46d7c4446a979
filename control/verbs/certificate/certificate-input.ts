import { z } from "zod";

import { passphraseCharsMax, pemCharsMax } from "#shared/base/limits.ts";
import type { Checked } from "#shared/base/problem.ts";
import { nameSchema } from "#shared/definition/fields.ts";
import { boundedText } from "#shared/definition/reading.ts";
import { section } from "#shared/definition/section.ts";

import { checkPair, type CheckedPair } from "../../certificates/check-pair.ts";
import { checkInput } from "../check-input.ts";

const pairShape = {
  certificate: boundedText(pemCharsMax).meta({
    description: "PEM: the certificate, its issuer, the issuer's …; a root may be left out",
  }),
  key: boundedText(pemCharsMax).meta({
    description: "PEM: the certificate's key (PKCS #8, or an RSA or EC key); never shown again",
    writeOnly: true,
  }),
  passphrase: boundedText(passphraseCharsMax)
    .optional()
    .meta({ description: "What opens the key; it is not kept", writeOnly: true }),
};

/** A new certificate. */
export const newCertificateSchema = section({ name: nameSchema, ...pairShape }).meta({
  id: "CertificateInput",
});

/** Another certificate in the place of one. */
export const renewalSchema = section({
  name: nameSchema.optional().meta({ description: "Stays unless given" }),
  ...pairShape,
}).meta({ id: "CertificateRenewal" });

/** A body that is right in itself. */
export interface CheckedCertificate<Name extends string | undefined> {
  readonly name: Name;
  readonly pair: CheckedPair;
}

/** A new certificate, or every problem of it: of the fields and of what they hold. */
export function checkNewCertificate(
  input: unknown,
  nowMs: number,
): Checked<CheckedCertificate<string>> {
  const fields = checkInput(newCertificateSchema, input);
  return joined(fields.ok ? { ok: true, value: fields.value.name } : fields, pairIn(input, nowMs));
}

/** The same for a renewal. */
export function checkRenewal(
  input: unknown,
  nowMs: number,
): Checked<CheckedCertificate<string | undefined>> {
  const fields = checkInput(renewalSchema, input);
  return joined(fields.ok ? { ok: true, value: fields.value.name } : fields, pairIn(input, nowMs));
}

function joined<Name extends string | undefined>(
  name: Checked<Name>,
  pair: Checked<CheckedPair>,
): Checked<CheckedCertificate<Name>> {
  if (name.ok && pair.ok) return { ok: true, value: { name: name.value, pair: pair.value } };
  const problems = [...(name.ok ? [] : name.problems), ...(pair.ok ? [] : pair.problems)];
  return { ok: false, problems };
}

const looseFields = z.record(z.string(), z.unknown());

/** What the fields hold, each of them looked at that is right in itself. */
function pairIn(input: unknown, nowMs: number): Checked<CheckedPair> {
  const fields = looseFields.safeParse(input).data ?? {};
  const textOf = (key: keyof typeof pairShape): string | undefined =>
    pairShape[key].safeParse(fields[key]).data;
  const [certificate, key] = [textOf("certificate"), textOf("key")];
  return checkPair({ certificate, key, passphrase: textOf("passphrase") }, nowMs);
}
