import { randomBytes } from "node:crypto";

import { Fault } from "#shared/base/fault.ts";

import { openBytes, sealBytes, type KeyKeeper } from "./key-keeper.ts";

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

const format = "v2";
/** Sealed under the master key itself, before there were data keys: still opened. */
const directFormat = "v1";
const dataKeyBytes = 32;

/**
 * Envelope encryption: each text is sealed with AES-256-GCM under a key of its own, which lies
 * beside it, wrapped by the keeper: `v2.<key id>.<wrapped key>.<box>`, both base64url.
 */
export function createSealer(keeper: KeyKeeper): Sealer {
  const { keyId } = keeper;
  return {
    keyId,
    seal: async (plain, context) => {
      const dataKey = randomBytes(dataKeyBytes);
      const wrapped = Buffer.from(await keeper.wrap(dataKey, wrapContext(context)));
      const box = sealBytes(dataKey, Buffer.from(plain), context);
      return `${format}.${keyId}.${wrapped.toString("base64url")}.${box.toString("base64url")}`;
    },
    open: async (sealed, context) => {
      const plain = await opened(keeper, sealed, context);
      if (plain === undefined) throw cannotOpen(keyId, sealed);
      return Buffer.from(plain).toString("utf8");
    },
  };
}

async function opened(
  keeper: KeyKeeper,
  sealed: string,
  context: string,
): Promise<Uint8Array | undefined> {
  const [version, keyId, first, second] = sealed.split(".");
  if (keyId !== keeper.keyId || first === undefined || second === undefined) return undefined;
  const [head, box] = [Buffer.from(first, "base64url"), Buffer.from(second, "base64url")];
  if (version === directFormat) return keeper.unwrap(Buffer.concat([head, box]), context);
  if (version !== format) return undefined;
  const dataKey = await keeper.unwrap(head, wrapContext(context));
  return dataKey === undefined ? undefined : openBytes(dataKey, box, context);
}

/** A wrapped key is no sealed text, and opens as none. */
function wrapContext(context: string): string {
  return `data-key ${context}`;
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
