import type { Backend } from "../definition/backend.ts";
import { sourcesOf, type Discovery } from "../definition/discovery/discovery.ts";
import type { ManagedBackend } from "../definition/managed-backend.ts";

/** A backend that a definition names, and the JSON pointer to it. */
export type Pointed<Named> = Named & { readonly pointer: string };

/** The backends that a definition's static sources list, in their order. */
export function listedBackends(discovery: Discovery | undefined): readonly Pointed<Backend>[] {
  if (discovery === undefined) return [];
  return sourcesOf(discovery).flatMap(({ source, pointer }) =>
    source.kind === "static" ? pointed(source.backends, `${pointer}/backends`) : [],
  );
}

/** The backends that are managed beside the sources, in their order. */
export function managedBackends(
  managed: readonly ManagedBackend[] | undefined,
): readonly Pointed<ManagedBackend>[] {
  return pointed(managed ?? [], "/managedBackends");
}

function pointed<Named extends object>(
  backends: readonly Named[],
  place: string,
): readonly Pointed<Named>[] {
  return backends.map((backend, index) => ({ ...backend, pointer: `${place}/${index}` }));
}
