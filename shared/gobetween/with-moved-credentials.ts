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
  // Which of the two is meant is for its writer to say.
  if (credentials === undefined || discovery["auth"] !== undefined) return discovery;
  return { ...discovery, ...sending(credentials, discovery), endpoint: credentials.url };
}

/** A name alone, or a password alone, is no `auth`; as a header it goes to where headers are known. */
function sending({ username, password }: UrlCredentials, { kind, headers = [] }: Fields): Fields {
  if (kind === "docker" || (username !== "" && password !== "")) {
    return { auth: { username, password } };
  }
  // What is no list is left to the check.
  if (!Array.isArray(headers)) return {};
  const given: readonly unknown[] = headers;
  const basic = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
  const header = { name: "Authorization", value: `Basic ${basic}` };
  return { headers: [...given, header] };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
