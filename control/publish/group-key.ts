import type { GroupId, TenantId } from "#shared/base/ids.ts";

/** A group of a tenant: what has a desired version. */
export interface GroupKey {
  readonly tenantId: TenantId;
  readonly groupId: GroupId;
}

/** The key as one text, for maps. */
export function groupText(key: GroupKey): string {
  return `${key.tenantId}/${key.groupId}`;
}
