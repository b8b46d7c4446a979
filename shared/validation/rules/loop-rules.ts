import type { Problem } from "../../base/problem.ts";
import { bindReached } from "../../definition/bind-reached.ts";
import { parseBind } from "../../definition/bind.ts";
import type { ManagedBackend } from "../../definition/managed-backend.ts";
import type { Parts } from "../parts.ts";
import { listedBackends, managedBackends } from "../pointed-backends.ts";

/**
 * No backend of a definition is the balancer itself: one datagram, or one connection, would keep it
 * busy without end. Whether an address that is not written in a bind is the node's is not known here:
 * what that comes to, the node leaves out.
 */
export function loopRules({ right }: Parts): readonly Problem[] {
  const binds = (right.bind ?? []).map((text) => ({ text, bind: parseBind(text) }));
  const backends = [
    ...listedBackends(right.discovery),
    ...managedBackends(right.managedBackends).filter(isAdded),
  ];
  return backends.flatMap(({ pointer, ...backend }) => {
    const own = bindReached(backend, binds, isOfNoHost);
    if (own === undefined) return [];
    const detail = `is this balancer itself, which listens on ${own.text}`;
    return [{ pointer, code: "conflict", detail }];
  });
}

/** What is named to take it out of service, or to change it where a source names it, adds nothing. */
function isAdded({
  override = false,
  state = "enabled",
}: Pick<ManagedBackend, "override" | "state">): boolean {
  return !override && state === "enabled";
}

function isOfNoHost(): boolean {
  return false;
}
