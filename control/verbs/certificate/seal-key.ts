import { newId, type SecretId } from "#shared/base/ids.ts";
import type { CertificateBody } from "#shared/definition/certificate-body.ts";

import type { CheckedPair } from "../../certificates/check-pair.ts";
import { secretContext } from "../../certificates/secret-context.ts";
import type { Body } from "../../storage/queries/revisions.ts";
import type { Actor, VerbDeps } from "../actor.ts";
import { bodyOf } from "../revision/commit-revision.ts";

/** A pair as it is stored: the body for nodes, and the key, which only its id connects with it. */
export interface SealedPair {
  readonly body: Body;
  readonly keyId: SecretId;
  readonly sealedKey: string;
}

/** Seals the key, as any secret of the tenant, and makes the body that names it. */
export async function sealPair(
  deps: Pick<VerbDeps, "sealer" | "ids">,
  { tenantId }: Pick<Actor, "tenantId">,
  { chainPem, keyPem }: CheckedPair,
): Promise<SealedPair> {
  const keyId = newId("sec", deps.ids);
  const body: CertificateBody = { schema: 1, chain: chainPem, key: { secret: keyId } };
  const sealedKey = await deps.sealer.seal(keyPem, secretContext(tenantId, keyId));
  return { body: bodyOf(body), keyId, sealedKey };
}
