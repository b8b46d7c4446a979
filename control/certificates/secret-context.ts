import type { SecretId, TenantId } from "#shared/base/ids.ts";

/** What a secret of a definition is sealed for. */
export function secretContext(tenantId: TenantId, secretId: SecretId): string {
  return `secret ${tenantId} ${secretId}`;
}
