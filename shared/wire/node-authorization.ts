import { z } from "zod";

import { idSchema, nonceSchema } from "./common.ts";

/** The scheme in `Authorization: Midstream-Node …`, which every request of a node carries. */
const nodeScheme = "Midstream-Node";

/** What the header says besides its signature. */
export interface NodeClaim {
  readonly node: string;
  /** The node's time of sending, milliseconds since 1970. */
  readonly atMs: number;
  readonly nonce: string;
  /** Grows with every connect of the node: the newer link wins, an older number is a clone. */
  readonly generation: number;
}

/** The request the claim is made for; never holds a credential in its path. */
export interface ClaimedRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
}

const claimSchema = z.object({
  node: idSchema,
  atMs: z.coerce.number().pipe(z.int().min(0)),
  nonce: nonceSchema,
  generation: z.coerce.number().pipe(z.int().min(0)),
  signature: z.string().regex(/^[\w-]{86}$/),
});

/** The value that the node signs, with the purpose `midstream.node.v1`. */
export function claimedValue(request: ClaimedRequest, claim: NodeClaim): unknown {
  const { node, atMs, nonce, generation } = claim;
  return { method: request.method, path: request.path, node, atMs, nonce, generation };
}

/** The header's value. */
export function formatNodeAuthorization(claim: NodeClaim, signature: string): string {
  const fields = { ...claim, signature };
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  return `${nodeScheme} ${pairs.join(", ")}`;
}

/** Reads the header's value; undefined when it has not this form. Proves nothing yet. */
export function parseNodeAuthorization(
  header: string,
): { readonly claim: NodeClaim; readonly signature: string } | undefined {
  const [scheme, rest] = splitOnce(header, " ");
  if (scheme.toLowerCase() !== nodeScheme.toLowerCase() || rest.length > 1_000) return undefined;
  const pairs = rest.split(",").map((pair) => splitOnce(pair.trim(), "="));
  const parsed = claimSchema.safeParse(Object.fromEntries(pairs));
  if (!parsed.success) return undefined;
  const { signature, ...claim } = parsed.data;
  return { claim, signature };
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
