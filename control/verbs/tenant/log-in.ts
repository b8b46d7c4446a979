import { newId, type ApiKeyId, type TenantId } from "#shared/base/ids.ts";
import { emailCharsMax, passwordCharsMax, sessionMs } from "#shared/base/limits.ts";

import { userByEmail, type KnownUser } from "../../storage/queries/accounts.ts";
import { insertApiKey } from "../../storage/queries/api-keys.ts";
import { insertAudit } from "../../storage/queries/audit.ts";
import type { VerbDeps } from "../actor.ts";
import { scopes } from "../scopes.ts";
import { newSecretText } from "../secret-text.ts";

export interface LogInInput {
  readonly email: string;
  readonly password: string;
  /** Which tenant, when the user belongs to several; the oldest membership otherwise. */
  readonly tenantId?: TenantId;
  readonly requestId: string;
  readonly address: string;
}

export type LogInOutcome =
  | {
      readonly kind: "logged-in";
      readonly tenant: { readonly id: TenantId; readonly name: string };
      /** Used like an API key, for a limited time. */
      readonly session: {
        readonly id: ApiKeyId;
        readonly secret: string;
        readonly expiresAtMs: number;
      };
    }
  /** Wrong password, unknown address or no such membership: nobody can tell which. */
  | { readonly kind: "refused" }
  /** Too many passwords are being checked at this moment. */
  | { readonly kind: "busy" };

/** A session from an address and a password. */
export async function logIn(
  deps: Pick<VerbDeps, "database" | "ids" | "passwords" | "clock">,
  input: LogInInput,
): Promise<LogInOutcome> {
  const email = input.email.slice(0, emailCharsMax).toLowerCase();
  const user = await deps.database.asSystem((tx) => userByEmail(tx, email));
  const password = input.password.slice(0, passwordCharsMax + 1);
  const matches = await deps.passwords.matches(password, user?.passwordHash);
  if (matches === "busy") return { kind: "busy" };
  const tenant = user?.tenants.find(
    ({ id }) => input.tenantId === undefined || id === input.tenantId,
  );
  if (!matches || user === undefined || tenant === undefined) return { kind: "refused" };
  return openSession(deps, { user, tenant, input });
}

interface Entry {
  readonly user: KnownUser;
  readonly tenant: { readonly id: TenantId; readonly name: string };
  readonly input: LogInInput;
}

async function openSession(
  deps: Pick<VerbDeps, "database" | "ids" | "clock">,
  { user, tenant, input }: Entry,
): Promise<LogInOutcome> {
  const { secret, hash } = newSecretText("mss", deps.ids);
  const id = newId("key", deps.ids);
  const tenantId = tenant.id;
  const expiresAtMs = deps.clock.nowMs() + sessionMs;
  await deps.database.asTenant(tenantId, async (tx) => {
    await insertApiKey(tx, {
      tenantId,
      id,
      kind: "session",
      name: "session",
      hash,
      scopes: [...scopes],
      userId: user.userId,
      expiresAt: new Date(expiresAtMs),
    });
    await insertAudit(tx, {
      tenantId,
      actor: id,
      action: "tenant.log-in",
      target: user.userId,
      requestId: input.requestId,
      address: input.address,
    });
  });
  return { kind: "logged-in", tenant, session: { id, secret, expiresAtMs } };
}
