import { z } from "zod";

import { newId, type ApiKeyId, type TenantId, type UserId } from "#shared/base/ids.ts";
import { emailCharsMax, passwordCharsMax, passwordCharsMin } from "#shared/base/limits.ts";
import { storableText } from "#shared/definition/reading.ts";

import { insertAccount, type NewAccount } from "../../storage/queries/accounts.ts";
import type { VerbDeps } from "../actor.ts";
import { checkInput } from "../check-input.ts";
import { labelSchema } from "../label-schema.ts";
import type { Invalid } from "../outcomes.ts";
import { scopes } from "../scopes.ts";
import { newSecretText } from "../secret-text.ts";

export interface SignUpInput {
  readonly tenant: string;
  readonly email: string;
  readonly password: string;
  readonly requestId: string;
  readonly address: string;
}

export type SignUpOutcome =
  | {
      readonly kind: "signed-up";
      readonly tenant: { readonly id: TenantId; readonly name: string };
      readonly userId: UserId;
      /** Shown once. */
      readonly apiKey: { readonly id: ApiKeyId; readonly secret: string };
    }
  | Invalid
  | { readonly kind: "email-taken" }
  /** Too many passwords are being hashed at this moment. */
  | { readonly kind: "busy" };

const signUpSchema = z.object({
  tenant: labelSchema,
  email: z.email().max(emailCharsMax),
  password: storableText().min(passwordCharsMin).max(passwordCharsMax),
});

/** A new tenant with its first user, its default group and a key with every scope. */
export async function signUp(
  deps: Pick<VerbDeps, "database" | "ids" | "passwords">,
  input: SignUpInput,
): Promise<SignUpOutcome> {
  const { tenant, email, password } = input;
  const checked = checkInput(signUpSchema, { tenant, email, password });
  if (!checked.ok) return { kind: "invalid", problems: checked.problems };
  const hashed = await deps.passwords.hash(checked.value.password);
  if (hashed === "busy") return { kind: "busy" };
  const { secret, hash } = newSecretText("msk", deps.ids);
  const account: NewAccount = {
    tenantId: newId("ten", deps.ids),
    tenantName: checked.value.tenant,
    userId: newId("usr", deps.ids),
    email: checked.value.email.toLowerCase(),
    passwordHash: hashed.hash,
    groupId: newId("grp", deps.ids),
    keyId: newId("key", deps.ids),
    keyHash: hash,
    scopes,
    requestId: input.requestId,
    address: input.address,
  };
  const stored = await deps.database.asSystem((tx) => insertAccount(tx, account));
  return stored === "stored" ? signedUp(account, secret) : { kind: "email-taken" };
}

function signedUp(account: NewAccount, secret: string): SignUpOutcome {
  return {
    kind: "signed-up",
    tenant: { id: account.tenantId, name: account.tenantName },
    userId: account.userId,
    apiKey: { id: account.keyId, secret },
  };
}
