import { credentialsOf, type UrlCredentials } from "../definition/url-secrets.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * A discovery as gobetween takes it, with the name and password of its `endpoint` where secrets are
 * sealed: what gobetween sends with such an address is HTTP Basic, and so is `auth`. What is no such
 * discovery is left as it is.
 */
export function withMovedCredentials(discovery: unknown): unknown {
  if (!isFields(discovery)) return discovery;
  const { kind, endpoint, sources } = discovery;
  if (kind === "multi" && Array.isArray(sources)) {
    return { ...discovery, sources: sources.map(withMovedCredentials) };
  }
  if (kind !== "json" && kind !== "plaintext" && kind !== "docker") return discovery;
  const credentials = typeof endpoint === "string" ? credentialsOf(endpoint) : undefined;
  if (credentials === undefined) return discovery;
  const { url } = credentials;
  return { ...sending(credentials, kind), ...discovery, endpoint: url };
}

/** A name alone, or a password alone, is no `auth`; as a header it goes to where headers are known. */
function sending({ username, password }: UrlCredentials, kind: string): Fields {
  if (kind === "docker" || (username !== "" && password !== "")) {
    return { auth: { username, password } };
  }
  const basic = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
  return { headers: [{ name: "Authorization", value: `Basic ${basic}` }] };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
