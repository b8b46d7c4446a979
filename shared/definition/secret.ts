import type { Balancer } from "./balancer.ts";
import { mapPlaces, placesOf, valuesAt } from "./places.ts";
import type { SecretReference, SecretValue } from "./secret-value.ts";

/** A secret of a balancer, and where it stands. */
export interface SecretField {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  /** Plain text, or the reference that stands for it once it is sealed. */
  readonly value: SecretValue;
}

/** Where secrets stand. A test compares it with the schemas. */
const secretPlaces = placesOf(
  ...["discovery", "discovery/sources/*"].flatMap((discovery) => [
    `${discovery}/auth/password`,
    `${discovery}/aclToken`,
    `${discovery}/serverRemotePassword`,
    `${discovery}/bearerToken`,
    `${discovery}/credentials/secretAccessKey`,
    `${discovery}/credentials/sessionToken`,
    `${discovery}/headers/*/value`,
    `${discovery}/tls/clientCertificate/pem/key`,
    `${discovery}/tls/clientCertificate/files/passphrase`,
  ]),
  "healthcheck/headers/*",
  "tls/certificates/*/files/passphrase",
  "backendTls/clientCertificate/pem/key",
  "backendTls/clientCertificate/files/passphrase",
);

/** The secrets that a balancer holds. */
export function secretFieldsOf(balancer: Balancer): readonly SecretField[] {
  return valuesAt(balancer, secretPlaces).flatMap(({ value, pointer }) =>
    isSecretValue(value) ? [{ pointer, value }] : [],
  );
}

/** The same with every secret replaced by what `map` gives for it. */
export function mapSecrets<T extends Pick<Balancer, "discovery">>(
  balancer: T,
  map: (value: SecretValue, pointer: string) => SecretValue,
): T {
  return mapPlaces(balancer, secretPlaces, ({ value, pointer }) =>
    isSecretValue(value) ? map(value, pointer) : value,
  );
}

export function isSecretReference(value: SecretValue): value is SecretReference {
  return typeof value !== "string";
}

/** A place of ours always holds a secret, or nothing: the balancer was checked. */
function isSecretValue(value: unknown): value is SecretValue {
  if (typeof value === "string") return true;
  const isObject = typeof value === "object" && value !== null;
  return isObject && "secret" in value && typeof value.secret === "string";
}
