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
    const help = of === undefined ? "" : `: ${fieldFor(of.source)}`;
    const detail = `holds a name or a password, and a URL is no secret${help}`;
    return { pointer, code: "conflict", detail };
  });
}

/** Where the source takes what stood in its URL. */
function fieldFor({ kind }: Source): string {
  switch (kind) {
    case "json":
    case "plaintext":
    case "etcd":
    case "consul":
    case "docker":
      return "write them as auth {username, password}, where the password is sealed";
    case "kubernetes":
      return "write a token as bearerToken, which is sealed, or a tls.clientCertificate";
    case "ec2":
    case "ecs":
    case "cloudmap":
      return "write credentials {accessKeyId, secretAccessKey}, which are sealed";
    case "lxd":
      return "a server knows its clients by the certificate in configDirectory";
    case "static":
    case "srv":
    case "exec":
      return "leave them out";
  }
}
