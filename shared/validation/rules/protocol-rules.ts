import type { Problem } from "../../base/problem.ts";
import type { Balancer } from "../../definition/balancer.ts";
import type { Parts } from "../parts.ts";

/** Which sections a protocol needs, and which mean nothing to it. */
export function protocolRules(parts: Parts): readonly Problem[] {
  const { protocol } = parts.right;
  switch (protocol) {
    case undefined:
      return [];
    case "tls":
      return [...tlsNeedsSection(parts), ...excluded(parts, "tls", ["udp"])];
    case "tcp":
      return [...tlsNeedsProtocol(parts), ...excluded(parts, "tcp", ["udp"])];
    case "udp":
      return [
        ...excluded(parts, "udp", [
          "tls",
          "backendTls",
          "sni",
          "proxyProtocol",
          "inboundProxyProtocol",
        ]),
        ...noPing(parts),
      ];
  }
}

function tlsNeedsSection(parts: Parts): readonly Problem[] {
  if (parts.has("tls")) return [];
  const detail = "protocol tls needs the tls section: which certificate is shown?";
  return [{ pointer: "/tls", code: "required", detail }];
}

function tlsNeedsProtocol(parts: Parts): readonly Problem[] {
  if (!parts.has("tls")) return [];
  const detail = "protocol tcp passes TLS through; to terminate it write protocol tls";
  return [{ pointer: "/tls", code: "conflict", detail }];
}

function excluded(
  parts: Parts,
  protocol: string,
  keys: readonly (keyof Balancer)[],
): readonly Problem[] {
  return keys
    .filter((key) => parts.has(key))
    .map((key) => ({
      pointer: `/${key}`,
      code: "conflict",
      detail: `means nothing with protocol ${protocol}`,
    }));
}

function noPing(parts: Parts): readonly Problem[] {
  if (parts.kindOf("healthcheck") !== "ping") return [];
  const detail = "a ping connects over TCP, which says nothing about a udp backend";
  return [{ pointer: "/healthcheck/kind", code: "conflict", detail }];
}
