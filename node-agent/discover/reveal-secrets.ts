import type { Balancer } from "#shared/definition/balancer.ts";
import { isSecretReference, mapSecrets } from "#shared/definition/secret.ts";

/**
 * The definition with its secrets in plain text, for whoever uses them; never shown, never logged.
 * A reference without a value stays: whoever needs it says so.
 */
export function revealSecrets(
  definition: Balancer,
  secrets: ReadonlyMap<string, string>,
): Balancer {
  return mapSecrets(definition, (value) =>
    isSecretReference(value) ? (secrets.get(value.secret) ?? value) : value,
  );
}
