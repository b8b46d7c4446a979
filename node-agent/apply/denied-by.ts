import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";

import ipaddr from "ipaddr.js";

import type { Balancer } from "#shared/definition/balancer.ts";
import { isWildcard, parseBind, type Bind, type PortRange } from "#shared/definition/bind.ts";
import { sourcesOf, type Source } from "#shared/definition/discovery/discovery.ts";
import { socketPathOf } from "#shared/definition/socket-path.ts";

import type { FlowProblem } from "./flows.ts";
import { namedFiles, type NamedFile } from "./named-files.ts";
import type { Policy } from "./policy.ts";

/** What of a balancer the policy forbids, each with the code `denied-by-policy`. */
export function deniedBy(policy: Policy, balancer: Balancer): readonly FlowProblem[] {
  return [
    ...balancer.bind.flatMap((text, index) =>
      deniedBind(policy, parseBind(text), `/bind/${index}`),
    ),
    ...deniedCheck(policy, balancer),
    ...namedFiles(balancer).flatMap((file) => deniedFile(policy, file)),
    ...sourcesOf(balancer.discovery).flatMap(({ source, pointer }) =>
      deniedSource(policy, source, pointer),
    ),
  ];
}

function deniedBind(policy: Policy, bind: Bind, pointer: string): readonly FlowProblem[] {
  if (bind.kind === "unix") return deniedSocket(policy, bind.path, pointer);
  const host = bind.kind === "address" ? bind.host : undefined;
  const problems: FlowProblem[] = [];
  if (!allowsAddress(policy, host)) {
    const what = host ?? "an interface";
    problems.push(denied(pointer, `listening on ${what} is outside the allowed addresses`));
  }
  if (!policy.bind.ports.some((range) => holds(range, bind))) {
    problems.push(denied(pointer, `listening on ${portText(bind)} is outside the allowed ports`));
  }
  return problems;
}

/** Which addresses an interface has can change, so it needs all of them, like a wildcard. */
function allowsAddress(policy: Policy, host: string | undefined): boolean {
  const ranges = policy.bind.addresses;
  const allOf = (family: "ipv4" | "ipv6"): boolean =>
    ranges.some(([address, bits]) => address.kind() === family && bits === 0);
  // Either wildcard listens on both families.
  if (host === undefined || isWildcard(host)) return allOf("ipv4") && allOf("ipv6");
  const address = ipaddr.parse(host);
  return ranges.some((range) => address.kind() === range[0].kind() && address.match(range));
}

function deniedCheck(policy: Policy, { healthcheck }: Balancer): readonly FlowProblem[] {
  if (healthcheck.kind !== "exec") return [];
  return deniedCommand(policy, [healthcheck.command], "/healthcheck/command");
}

function deniedSource(policy: Policy, source: Source, pointer: string): readonly FlowProblem[] {
  // AWS is reached over the network, and nothing of the host is used but what it gives by itself.
  if ("region" in source) return [];
  switch (source.kind) {
    case "exec":
      return deniedCommand(policy, source.command, `${pointer}/command`);
    case "docker":
      return deniedEndpoint(policy, source.endpoint, `${pointer}/endpoint`);
    case "lxd":
      return [
        ...deniedEndpoint(policy, source.serverAddress, `${pointer}/serverAddress`),
        ...deniedFolder(policy, source, `${pointer}/configDirectory`),
      ];
    case "static":
      return source.backends.flatMap(({ host }, index) => {
        const path = socketPathOf(host);
        const at = `${pointer}/backends/${index}/host`;
        return path === undefined ? [] : deniedSocket(policy, path, at);
      });
    case "srv":
    case "json":
    case "plaintext":
    case "consul":
    case "etcd":
    case "kubernetes":
      return [];
  }
}

/** The words have to be the very ones: a shell that is allowed with other arguments is another command. */
function deniedCommand(
  policy: Policy,
  command: readonly string[],
  pointer: string,
): readonly FlowProblem[] {
  const isAllowed = policy.exec.allow.some((allowed) =>
    isDeepStrictEqual(typeof allowed === "string" ? [allowed] : allowed, command),
  );
  if (isAllowed) return [];
  return [denied(pointer, `running ${JSON.stringify(command)} is not allowed on this host`)];
}

/**
 * Trust that is still to be made is written down, wherever that is. A folder that is named is read at
 * least: a key pair of somebody else's may lie there.
 */
function deniedFolder(
  policy: Policy,
  { generateClientCerts, acceptServerCert, configDirectory }: Extract<Source, { kind: "lxd" }>,
  pointer: string,
): readonly FlowProblem[] {
  const isWritten = generateClientCerts || acceptServerCert;
  if (!isWritten && configDirectory === undefined) return [];
  if (policy.folders.allow.includes(configDirectory ?? "")) return [];
  const what = isWritten ? "writing certificates to" : "reading certificates from";
  const folder = configDirectory ?? "the LXD client's own folder";
  return [denied(pointer, `${what} ${folder} is not allowed on this host`)];
}

function deniedEndpoint(policy: Policy, endpoint: string, pointer: string): readonly FlowProblem[] {
  if (!endpoint.startsWith("unix:")) return [];
  const path = endpoint.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
  return deniedSocket(policy, path, pointer);
}

/** A path is taken as it would be read: `..` does not lead out of a folder that is allowed. */
function deniedFile(policy: Policy, { path, pointer }: NamedFile): readonly FlowProblem[] {
  const file = resolve(path);
  const isAllowed = policy.files.allow.some((allowed) =>
    allowed.endsWith("/") ? file.startsWith(allowed) : file === allowed,
  );
  return isAllowed ? [] : [denied(pointer, `reading ${path} is not allowed on this host`)];
}

function deniedSocket(policy: Policy, path: string, pointer: string): readonly FlowProblem[] {
  if (policy.sockets.allow.includes(path)) return [];
  return [denied(pointer, `the Unix socket ${path} is not allowed on this host`)];
}

function denied(pointer: string, detail: string): FlowProblem {
  return { pointer, code: "denied-by-policy", detail: `${detail}: see its policy file` };
}

function holds(outer: PortRange, inner: PortRange): boolean {
  return outer.fromPort <= inner.fromPort && inner.toPort <= outer.toPort;
}

function portText({ fromPort, toPort }: PortRange): string {
  return fromPort === toPort ? `port ${fromPort}` : `ports ${fromPort}-${toPort}`;
}
