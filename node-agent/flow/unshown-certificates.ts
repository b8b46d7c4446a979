import type { Problem } from "#shared/base/problem.ts";

import type { LoadedClientTls } from "../certificates/load-tls.ts";
import type { Driver } from "../engine/engine.ts";

/**
 * Certificates that a driver shows to nobody although nothing is wrong with them: of those that are
 * chosen by name, Node's own TLS has room for one key only.
 */
export function unshownCertificates(
  driver: Driver,
  clients: Pick<LoadedClientTls, "identities" | "seconds"> | undefined,
): readonly Problem[] {
  if (driver === "native" || clients === undefined || clients.identities.length === 1) return [];
  return clients.seconds.map((pointer) => ({
    pointer,
    code: "not-shown",
    detail:
      "the portable engine shows one certificate for the same names, the first, where the balancer has others too; the native engine shows both",
  }));
}
