import type { Balancer } from "./balancer.ts";
import { mapPlaces, placesOf, valuesAt } from "./places.ts";

/** The name and password that stand in a URL, and the URL without them. */
export interface UrlCredentials {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** A URL with credentials in a balancer, and where it stands. */
export interface UrlField {
  /** JSON pointer into the balancer. */
  readonly pointer: string;
  readonly credentials: UrlCredentials;
}

/** Where URLs stand. A test compares it with the schemas. */
const urlPlaces = placesOf(
  ...["discovery", "discovery/sources/*"].flatMap((discovery) => [
    `${discovery}/endpoint`,
    `${discovery}/apiServer`,
    `${discovery}/serverAddress`,
    `${discovery}/ec2Endpoint`,
    `${discovery}/role/endpoint`,
  ]),
);

/** The URLs of a balancer that hold a name or a password. */
export function urlsWithCredentials(balancer: Pick<Balancer, "discovery">): readonly UrlField[] {
  return valuesAt(balancer, urlPlaces).flatMap(({ value, pointer }) => {
    const credentials = typeof value === "string" ? credentialsOf(value) : undefined;
    return credentials === undefined ? [] : [{ pointer, credentials }];
  });
}

/** The same with `***` for what its URLs hold of names and passwords. */
export function withMaskedUrls<T extends Pick<Balancer, "discovery">>(balancer: T): T {
  return mapPlaces(balancer, urlPlaces, ({ value }) => {
    const credentials = typeof value === "string" ? credentialsOf(value) : undefined;
    return credentials === undefined ? value : credentials.url.replace("//", "//***@");
  });
}

/** Undefined for a URL without credentials, and for what is none. */
export function credentialsOf(text: string): UrlCredentials | undefined {
  const url = URL.parse(text);
  if (url === null) return credentialsInText(text);
  if (url.username === "" && url.password === "") return undefined;
  const { username, password } = url;
  url.username = "";
  url.password = "";
  return { url: url.href, username: decoded(username), password: decoded(password) };
}

/** A text that almost is a URL may hold credentials all the same. */
function credentialsInText(text: string): UrlCredentials | undefined {
  const match = /^(?<scheme>[a-z][a-z0-9+.-]*:\/\/)(?<user>[^/?#]*)@(?<rest>.*)$/is.exec(text);
  const { scheme = "", user = "", rest = "" } = match?.groups ?? {};
  if (user === "") return undefined;
  const [username = "", ...password] = user.split(":");
  return { url: `${scheme}${rest}`, username, password: password.join(":") };
}

/** A percent sign that begins no escape stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
