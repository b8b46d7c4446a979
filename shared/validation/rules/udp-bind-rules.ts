import type { Problem } from "../../base/problem.ts";
import { socketPathOf } from "../../definition/socket-path.ts";
import type { Parts } from "../parts.ts";

/** Datagrams come in by addresses: a Unix socket here is one for connections. */
export function udpBindRules({ right: { protocol, bind = [] } }: Parts): readonly Problem[] {
  if (protocol !== "udp") return [];
  return bind.flatMap((text, index) => {
    if (socketPathOf(text) === undefined) return [];
    const detail = "a udp balancer listens on addresses, and not on a Unix socket";
    return [{ pointer: `/bind/${index}`, code: "conflict", detail }];
  });
}
