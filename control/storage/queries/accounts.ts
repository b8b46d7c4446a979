import { sql } from "drizzle-orm";

import type { ApiKeyId, GroupId, TenantId, UserId } from "#shared/base/ids.ts";

import type { Transaction } from "../database.ts";
import { firstRowOf, rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

/** Everything that a sign-up stores. */
export interface NewAccount {
  readonly tenantId: TenantId;
  readonly tenantName: string;
  readonly userId: UserId;
  /** Lower case. */
  readonly email: string;
  readonly passwordHash: string;
  readonly groupId: GroupId;
  readonly keyId: ApiKeyId;
  /** SHA-256 of the key's secret, hexadecimal. */
  readonly keyHash: string;
  readonly scopes: readonly string[];
  readonly requestId: string;
  readonly address: string;
}

/** Stores a tenant with its first user, default group and key (system). */
export async function insertAccount(
  tx: Transaction,
  account: NewAccount,
): Promise<"stored" | "email-taken"> {
  const row = await firstRowOf<{ readonly stored: boolean }>(
    tx,
    sql`
    SELECT system.sign_up(
      ${account.tenantId}, ${account.tenantName}, ${account.userId}, ${account.email},
      ${account.passwordHash}, ${account.groupId}, ${account.keyId}, ${account.keyHash},
      ${textArray(account.scopes)}, ${account.requestId}, ${account.address}) AS stored`,
  );
  return row?.stored === true ? "stored" : "email-taken";
}

/** A user who may log in, and where. */
export interface KnownUser {
  readonly userId: UserId;
  readonly passwordHash: string;
  /** Oldest membership first; at least one. */
  readonly tenants: readonly { readonly id: TenantId; readonly name: string }[];
}

interface UserRow {
  readonly user_id: UserId;
  readonly password_hash: string;
  readonly tenant_id: TenantId;
  readonly tenant_name: string;
}

/** The user with this address in lower case (system). */
export async function userByEmail(tx: Transaction, email: string): Promise<KnownUser | undefined> {
  const rows = await rowsOf<UserRow>(tx, sql`SELECT * FROM system.user_by_email(${email})`);
  const [first] = rows;
  if (first === undefined) return undefined;
  return {
    userId: first.user_id,
    passwordHash: first.password_hash,
    tenants: rows.map((row) => ({ id: row.tenant_id, name: row.tenant_name })),
  };
}
