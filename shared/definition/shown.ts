import type { Balancer } from "./balancer.ts";
import { hiddenSecret } from "./secret-value.ts";
import { isSecretReference, mapSecrets } from "./secret.ts";
import { withMaskedUrls } from "./url-secrets.ts";

/**
 * A stored definition as it is shown. Secrets are references; one that was stored before its field
 * was a secret, or that stands in a URL, is hidden.
 */
export function shownDefinition(stored: Balancer): Balancer {
  const masked = withMaskedUrls(stored);
  return mapSecrets(masked, (value) => (isSecretReference(value) ? value : hiddenSecret));
}
