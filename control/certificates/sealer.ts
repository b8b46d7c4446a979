import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

import { Fault } from "#shared/base/fault.ts";

import type { MasterKey } from "./master-key.ts";

/**
 * Seals texts for storage. Asynchronous, because the key may live elsewhere (a KMS).
 *
 * `context` names what is sealed and whose it is, such as `secret ten_… sec_…`. It is bound to the
 * sealed text: a row copied to another place does not open there.
 */
export interface Sealer {
  /** The key's name, as sealed texts carry it. */
  readonly keyId: string;
  seal(plain: string, context: string): Promise<string>;
  /** @throws Fault `certificates/cannot-open` when the key, the context or the text is another */
  open(sealed: string, context: string): Promise<string>;
}

const format = "v1";
const nonceBytes = 12;
const tagBytes = 16;

/** Seals with AES-256-GCM under a key at hand; a sealed text is `v1.<key id>.<nonce>.<box>`. */
export function createSealer(master: MasterKey): Sealer {
  const { keyId, key } = master;
  return {
    keyId,
    seal: (plain, context) => Promise.resolve(`${format}.${keyId}.${sealed(key, plain, context)}`),
    open: (text, context) => {
      const plain = opened(master, text, context);
      return plain === undefined ? Promise.reject(cannotOpen(keyId, text)) : Promise.resolve(plain);
    },
  };
}

function sealed(key: Uint8Array, plain: string, context: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(context));
  const box = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `${nonce.toString("base64url")}.${box.toString("base64url")}`;
}

function opened({ keyId, key }: MasterKey, text: string, context: string): string | undefined {
  const [version, sealedUnder, nonce, box] = text.split(".");
  if (version !== format || sealedUnder !== keyId || nonce === undefined || box === undefined) {
    return undefined;
  }
  try {
    const bytes = Buffer.from(box, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64url"))
      .setAAD(Buffer.from(context))
      .setAuthTag(bytes.subarray(-tagBytes));
    return (
      decipher.update(bytes.subarray(0, -tagBytes), undefined, "utf8") + decipher.final("utf8")
    );
  } catch {
    // Changed, cut short, or sealed for another place: all mean that it is not what it claims.
    return undefined;
  }
}

function cannotOpen(keyId: string, text: string): Fault {
  const sealedUnder = text.split(".")[1]?.slice(0, 32) ?? "";
  const why =
    sealedUnder === keyId
      ? "it was changed, or belongs somewhere else"
      : `it was sealed under the master key ${sealedUnder}, this is ${keyId}`;
  return new Fault({
    code: "certificates/cannot-open",
    owner: "platform",
    message: `a sealed text cannot be opened: ${why}`,
  });
}
