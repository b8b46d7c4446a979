import { pointerOf } from "../base/problem.ts";
import type { Balancer } from "./balancer.ts";
import type { SecretReference, SecretValue } from "./secret-value.ts";

/** A secret of a balancer, and where it stands. */
export interface SecretField {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  /** Plain text, or the reference that stands for it once it is sealed. */
  readonly value: SecretValue;
}

/** Where secrets stand; `*` is every element of a list. A test compares it with the schemas. */
const secretPlaces: readonly (readonly string[])[] = [
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
  "tls/certificates/*/files/passphrase",
  "backendTls/clientCertificate/pem/key",
  "backendTls/clientCertificate/files/passphrase",
].map((place) => place.split("/"));

/** The secrets that a balancer holds. */
export function secretFieldsOf(balancer: Balancer): readonly SecretField[] {
  const fields: SecretField[] = [];
  mapSecrets(balancer, (value, pointer) => {
    fields.push({ pointer, value });
    return value;
  });
  return fields;
}

/** The same balancer with every secret replaced by what `map` gives for it. */
export function mapSecrets(
  balancer: Balancer,
  map: (value: SecretValue, pointer: string) => SecretValue,
): Balancer {
  return secretPlaces.reduce<Balancer>(
    (current, place) => balancerOf(mapAt(current, { place, at: [] }, map)),
    balancer,
  );
}

export function isSecretReference(value: SecretValue): value is SecretReference {
  return typeof value !== "string";
}

interface Cursor {
  /** What is still to go. */
  readonly place: readonly string[];
  /** What was gone. */
  readonly at: readonly (string | number)[];
}

type MapSecret = (value: SecretValue, pointer: string) => SecretValue;

function mapAt(value: unknown, { place, at }: Cursor, map: MapSecret): unknown {
  const [key, ...rest] = place;
  if (key === undefined) return isSecretValue(value) ? map(value, pointerOf(at)) : value;
  if (Array.isArray(value)) {
    if (key !== "*") return value;
    return value.map((item: unknown, index) =>
      mapAt(item, { place: rest, at: [...at, index] }, map),
    );
  }
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: mapAt(value[key], { place: rest, at: [...at, key] }, map) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** A place of ours always holds a secret, or nothing: the balancer was checked. */
function isSecretValue(value: unknown): value is SecretValue {
  return typeof value === "string" || (isObject(value) && typeof value["secret"] === "string");
}

/** Guarantee: a balancer in which nothing but secret values was replaced by secret values. */
function balancerOf(value: unknown): Balancer {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the guarantee
  return value as Balancer;
}
