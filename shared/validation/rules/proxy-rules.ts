import type { Problem } from "../../base/problem.ts";
import type { Parts } from "../parts.ts";

/** What a PROXY header is asked to hold has to be there, and its version able to. */
export function proxyRules(parts: Parts): readonly Problem[] {
  const { proxyProtocol } = parts.right;
  if (proxyProtocol === undefined) return [];
  const { version, tlsDetails = false, beforeTls = false } = proxyProtocol;
  const details = tlsDetails ? detailsProblem(parts, version) : undefined;
  const isWithoutTls = beforeTls && !parts.has("backendTls");
  return [
    ...(details === undefined ? [] : [conflict("tlsDetails", details)]),
    ...(isWithoutTls ? [conflict("beforeTls", "means nothing without backendTls")] : []),
  ];
}

function detailsProblem(parts: Parts, version: "1" | "2"): string | undefined {
  if (version === "1") return "version 1 has no room for them: write version 2";
  const isTlsKnown = parts.has("tls") || parts.has("sni");
  return isTlsKnown ? undefined : "nothing is known of the clients' TLS without tls or sni";
}

function conflict(key: string, detail: string): Problem {
  return { pointer: `/proxyProtocol/${key}`, code: "conflict", detail };
}
