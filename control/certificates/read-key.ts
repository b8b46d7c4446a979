import { createPrivateKey, type KeyObject } from "node:crypto";

import { keyRoundsMax } from "#shared/base/limits.ts";
import type { Checked, Problem } from "#shared/base/problem.ts";

import { certificateProblem } from "./certificate-problem.ts";
import { keyEncryptionOf } from "./key-encryption.ts";
import { keyProblem } from "./key-type.ts";
import { pemBlocks, type PemBlock } from "./pem.ts";

export interface KeyText {
  readonly key: string;
  readonly passphrase: string | undefined;
}

/** The one private key of a PEM text, opened; pointers are `/key` and `/passphrase`. */
export function readKey(text: KeyText): Checked<KeyObject> {
  const block = onlyKey(text.key);
  if (!block.ok) return block;
  const opened = openKey(block.value, text.passphrase);
  if (!opened.ok) return opened;
  const problem = keyProblem(opened.value, "/key", "the key");
  return problem === undefined ? opened : { ok: false, problems: [problem] };
}

function onlyKey(text: string): Checked<PemBlock> {
  const blocks = pemBlocks(text);
  if (blocks === undefined) return refused(atKey("invalid-pem", "is not PEM"));
  // OpenSSL writes the curve's name before an EC key; the key names it as well.
  const keys = blocks.filter(({ label }) => label !== "EC PARAMETERS");
  const [first, ...more] = keys;
  if (first === undefined) return refused(atKey("invalid-pem", "holds no private key"));
  if (more.length > 0 && keys.every(({ label }) => label.endsWith("PRIVATE KEY"))) {
    return refused(atKey("several-keys", `holds ${keys.length} keys; give the certificate's own`));
  }
  const other = keys.find(({ label }) => !label.endsWith("PRIVATE KEY"));
  if (other === undefined) return { ok: true, value: first };
  return refused(
    atKey("invalid-pem", `holds ${JSON.stringify(other.label)}; only a key goes here`),
  );
}

function openKey(block: PemBlock, passphrase: string | undefined): Checked<KeyObject> {
  switch (block.label) {
    case "PRIVATE KEY":
    case "ENCRYPTED PRIVATE KEY":
      return openPkcs8(block.der, passphrase);
    case "RSA PRIVATE KEY":
      return block.hasHeaders ? openOldPem(block, passphrase) : openDer(block.der, "pkcs1");
    case "EC PRIVATE KEY":
      return block.hasHeaders ? openOldPem(block, passphrase) : openDer(block.der, "sec1");
    default: {
      const detail = `is ${JSON.stringify(block.label)}; PKCS #8, RSA and EC keys are known`;
      return refused(atKey("unsupported-key", detail));
    }
  }
}

function openPkcs8(der: Buffer, passphrase: string | undefined): Checked<KeyObject> {
  const encryption = keyEncryptionOf(der);
  switch (encryption.kind) {
    case "clear":
      return openDer(der, "pkcs8");
    case "unknown": {
      const detail = "is not PKCS #8, or encrypted other than with PBKDF2 or PBES1";
      return refused(atKey("unsupported-key", detail));
    }
    case "encrypted": {
      if (passphrase === undefined) return refused(passphraseRequired());
      if (encryption.rounds > keyRoundsMax) {
        const detail = `its encryption takes ${encryption.rounds} rounds; at most ${keyRoundsMax}`;
        return refused(atKey("out-of-range", detail));
      }
      const key = attempt({ key: der, format: "der", type: "pkcs8", passphrase });
      return key === undefined ? refused(passphraseWrong()) : { ok: true, value: key };
    }
  }
}

/** The form before PKCS #8: the pass-phrase is hashed once, whatever the file says. */
function openOldPem(block: PemBlock, passphrase: string | undefined): Checked<KeyObject> {
  if (passphrase === undefined) return refused(passphraseRequired());
  const key = attempt({ key: block.text, format: "pem", passphrase });
  return key === undefined ? refused(passphraseWrong()) : { ok: true, value: key };
}

function openDer(key: Buffer, type: "pkcs8" | "pkcs1" | "sec1"): Checked<KeyObject> {
  const opened = attempt({ key, format: "der", type });
  if (opened !== undefined) return { ok: true, value: opened };
  return refused(atKey("invalid-pem", "is PEM, and holds no key that OpenSSL can read"));
}

function attempt(input: Parameters<typeof createPrivateKey>[0]): KeyObject | undefined {
  try {
    return createPrivateKey(input);
  } catch {
    // OpenSSL's reasons differ from release to release, and may quote the input.
    return undefined;
  }
}

function refused(problem: Problem): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [problem] };
}

function atKey(code: Parameters<typeof certificateProblem>[1], detail: string): Problem {
  return certificateProblem("/key", code, detail);
}

function passphraseRequired(): Problem {
  const detail = "the key is encrypted: give its pass-phrase, or the key in clear";
  return certificateProblem("/passphrase", "passphrase-required", detail);
}

function passphraseWrong(): Problem {
  const detail = "does not open the key";
  return certificateProblem("/passphrase", "passphrase-wrong", detail);
}
