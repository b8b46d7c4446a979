import { Fault } from "#shared/base/fault.ts";
import { isWildcard, parseBind, type Bind } from "#shared/definition/bind.ts";

/** An address to listen on; the wildcard is `::` and takes IPv4 as well. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What listening this agent knows, as capabilities. */
export const bindKinds = ["multi-bind", "bind:address", "bind:unix"] as const;

/**
 * Where a checked bind listens.
 *
 * @throws Fault `listen/unsupported` for an interface or a range of ports
 */
export function listenAddressOf(text: string): ListenAddress {
  const bind = parseBind(text);
  if (bind.kind === "unix") return { kind: "unix", path: bind.path };
  if (bind.kind === "interface" || bind.fromPort !== bind.toPort) throw unsupported(bind);
  // `0.0.0.0` means every address of the node, IPv6 included, as `:port` and `[::]` do.
  return { kind: "tcp", host: isWildcard(bind.host) ? "::" : bind.host, port: bind.fromPort };
}

function unsupported(bind: Bind): Fault {
  return new Fault({
    code: "listen/unsupported",
    owner: "platform",
    message: `a bind of the kind ${bind.kind} reached an agent that does not know it`,
  });
}
