/** A small balancer as a tenant would write it; each with an address of its own, if asked for. */
export function simpleBalancer(name: string, port = 9_000): Record<string, unknown> {
  return {
    name,
    bind: [`127.0.0.1:${port}`],
    discovery: { kind: "static", backends: [{ host: "127.0.0.1", port: 9_101 }] },
  };
}
