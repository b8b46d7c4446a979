import type { Server } from "node:net";

/**
 * The descriptor that a server listens on. Node has no public name for it; without the field that
 * it has had since its beginnings this is undefined, and a successor binds for itself.
 */
export function descriptorOf(server: Server): number | undefined {
  const handle: unknown = Reflect.get(server, "_handle");
  if (typeof handle !== "object" || handle === null) return undefined;
  const descriptor: unknown = Reflect.get(handle, "fd");
  return typeof descriptor === "number" && descriptor >= 0 ? descriptor : undefined;
}
