/** The name that tests look up. */
export const name = "_web._tcp.example.";

/** A source that asks this name server for it. */
export function srv(lookupServer: string, terms: Readonly<Record<string, unknown>> = {}) {
  return { kind: "srv", lookupServer, lookupPattern: name, ...terms };
}
