import type { LookupFunction } from "node:net";

import { redirectsMax } from "#shared/base/limits.ts";
import type { SecretValue } from "#shared/definition/secret-value.ts";
import { credentialsOf } from "#shared/definition/url-secrets.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";
import { badStatus, httpCall, placeName, type HttpAnswer } from "./http-source.ts";
import {
  plainSecret,
  readTlsMaterial,
  type Got,
  type SourceTls,
  type TlsMaterial,
} from "./tls-material.ts";

/** A page and what the request for it carries, as definitions write it. */
export interface PageRequest {
  readonly endpoint: string;
  readonly headers?: readonly { readonly name: string; readonly value: SecretValue }[] | undefined;
  readonly auth?: { readonly username: string; readonly password: SecretValue } | undefined;
  readonly bearerToken?: SecretValue | undefined;
  readonly tls?: SourceTls | undefined;
}

export interface PageTerms {
  readonly lookup: LookupFunction;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

interface Visit {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
}

/**
 * The text of a page: redirects are followed, and any status but 200 … 299 is a failure. Another
 * origin gets none of the request's headers and not its client certificate.
 */
export async function fetchPage(
  page: PageRequest,
  { lookup, bytesMax, signal }: PageTerms,
): Promise<Got<string>> {
  const first = await firstVisit(page);
  if (!first.ok) return first;
  let visit = first.value;
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    const { url, headers } = visit;
    const place = { origin: url.origin, lookup, tls: visit.tls };
    const path = `${url.pathname}${url.search}`;
    // oxlint-disable-next-line no-await-in-loop -- each redirect depends on the one before
    const answer = await httpCall({ place, path, headers, bytesMax }, signal);
    if (!answer.ok) return answer;
    if (!isRedirect(answer)) {
      return badStatus(answer.status, place) ?? { ok: true, value: answer.body };
    }
    const next = nextVisit(visit, answer);
    if (!next.ok) return next;
    visit = next.value;
  }
  return failedFetch("too-many-redirects", `more than ${redirectsMax} redirects`);
}

/** The value of an Authorization header. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

async function firstVisit(page: PageRequest): Promise<Got<Visit>> {
  const tls = await readTlsMaterial(page.tls);
  if (!tls.ok) return tls;
  const headers: Record<string, string> = {};
  for (const { name, value } of page.headers ?? []) {
    const plain = plainSecret(value);
    if (!plain.ok) return plain;
    headers[name] = plain.value;
  }
  const authorization = authorizationOf(page);
  if (!authorization.ok) return authorization;
  if (authorization.value !== "") headers["authorization"] = authorization.value;
  return { ok: true, value: { url: new URL(page.endpoint), headers, tls: tls.value } };
}

/** `auth` and `bearerToken` first; a name and password in the address count as well. */
function authorizationOf({ endpoint, auth, bearerToken }: PageRequest): Got<string> {
  const secret = auth?.password ?? bearerToken;
  if (secret === undefined) {
    const { username = "", password = "" } = credentialsOf(endpoint) ?? {};
    return { ok: true, value: username === "" ? "" : basicAuthorization(username, password) };
  }
  const plain = plainSecret(secret);
  if (!plain.ok) return plain;
  const value =
    auth === undefined ? `Bearer ${plain.value}` : basicAuthorization(auth.username, plain.value);
  return { ok: true, value };
}

function isRedirect({ status, headers }: HttpAnswer): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers["location"] !== undefined;
}

function nextVisit(visit: Visit, answer: HttpAnswer): Got<Visit> {
  const url = parsedUrl(String(answer.headers["location"]), visit.url);
  if (url === undefined) return badRedirect(visit);
  if (url.origin === visit.url.origin) return { ok: true, value: { ...visit, url } };
  const { ca } = visit.tls;
  return { ok: true, value: { url, headers: {}, tls: ca === undefined ? {} : { ca } } };
}

function parsedUrl(text: string, base: URL): URL | undefined {
  const url = URL.parse(text, base.href);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

function badRedirect({ url }: Visit): FailedFetch {
  const name = placeName({ origin: url.origin });
  return failedFetch("bad-answer", `${name}: redirects to what is no http or https address`);
}
