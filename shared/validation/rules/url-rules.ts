import type { Problem } from "../../base/problem.ts";
import { sourcesOf, type Source } from "../../definition/discovery/discovery.ts";
import { urlsWithCredentials } from "../../definition/url-secrets.ts";
import type { Parts } from "../parts.ts";

/** A URL is shown as it was written, so nothing in it may be a secret. */
export function urlRules({ right: { discovery } }: Parts): readonly Problem[] {
  if (discovery === undefined) return [];
  const sources = sourcesOf(discovery);
  return urlsWithCredentials({ discovery }).map(({ pointer }) => {
    const of = sources.find((one) => pointer.startsWith(`${one.pointer}/`));
    const help = of === undefined ? "" : `: ${fieldOf[of.source.kind]}`;
    const detail = `holds a name or a password, and a URL is no secret${help}`;
    return { pointer, code: "conflict", detail };
  });
}

const auth = "write them as auth {username, password}, where the password is sealed";
const credentials = "write credentials {accessKeyId, secretAccessKey}, which are sealed";
const none = "leave them out";

/** Where a source takes what stood in its URL. */
const fieldOf = {
  json: auth,
  plaintext: auth,
  etcd: auth,
  consul: auth,
  docker: auth,
  kubernetes: "write a token as bearerToken, which is sealed, or a tls.clientCertificate",
  lxd: "a server knows its clients by the certificate in configDirectory",
  ec2: credentials,
  ecs: credentials,
  cloudmap: credentials,
  static: none,
  srv: none,
  exec: none,
} as const satisfies Record<Source["kind"], string>;
