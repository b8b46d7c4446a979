import { and, asc, count, eq, gt, isNull, sql } from "drizzle-orm";

import type { GroupId, JoinTokenId, TenantId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { groups } from "../tables/groups.ts";
import { joinTokens } from "../tables/join-tokens.ts";

/** A join token with its group's name. */
export interface JoinTokenRow {
  readonly id: JoinTokenId;
  readonly groupName: string;
  readonly uses: number;
  readonly usesLeft: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

export interface NewJoinToken {
  readonly tenantId: TenantId;
  readonly id: JoinTokenId;
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string;
  readonly groupId: GroupId;
  readonly uses: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Stores a token that nobody has used yet. */
export async function insertJoinToken(tx: Transaction, token: NewJoinToken): Promise<void> {
  await tx.insert(joinTokens).values({ ...token, usesLeft: token.uses });
}

/** Tokens after an id, oldest first. */
export function joinTokensOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  page: { readonly after: JoinTokenId | undefined; readonly limit: number },
): Promise<readonly JoinTokenRow[]> {
  const later = page.after === undefined ? undefined : gt(joinTokens.id, page.after);
  return tx
    .select({
      id: joinTokens.id,
      groupName: groups.name,
      uses: joinTokens.uses,
      usesLeft: joinTokens.usesLeft,
      createdAt: joinTokens.createdAt,
      expiresAt: joinTokens.expiresAt,
      revokedAt: joinTokens.revokedAt,
    })
    .from(joinTokens)
    .innerJoin(
      groups,
      and(eq(groups.tenantId, joinTokens.tenantId), eq(groups.id, joinTokens.groupId)),
    )
    .where(and(eq(joinTokens.tenantId, tenantId), later))
    .orderBy(asc(joinTokens.id))
    .limit(page.limit);
}

/** How many tokens still let someone join. */
export async function countJoinTokensOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  nowMs: number,
): Promise<number> {
  const [row] = await tx
    .select({ count: count() })
    .from(joinTokens)
    .where(
      and(
        eq(joinTokens.tenantId, tenantId),
        isNull(joinTokens.revokedAt),
        gt(joinTokens.usesLeft, 0),
        gt(joinTokens.expiresAt, new Date(nowMs)),
      ),
    );
  return row?.count ?? 0;
}

/** Ends a token: `revoked` the first time, `before` when it was revoked already. */
export async function revokeJoinTokenOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: JoinTokenId,
): Promise<"revoked" | "before" | "not-found"> {
  const ofToken = and(eq(joinTokens.tenantId, tenantId), eq(joinTokens.id, id));
  const revoked = await tx
    .update(joinTokens)
    .set({ revokedAt: sql`now()` })
    .where(and(ofToken, isNull(joinTokens.revokedAt)))
    .returning({ id: joinTokens.id });
  if (revoked.length > 0) return "revoked";
  const found = await tx.select({ id: joinTokens.id }).from(joinTokens).where(ofToken);
  return found.length > 0 ? "before" : "not-found";
}
