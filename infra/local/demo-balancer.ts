import { z } from "zod";

import type { ControlClient } from "./control-client.ts";

const writtenSchema = z.object({ id: z.string(), revision: z.number() });

/** The parts of a balancer that are looked at; the rest is handed back as it came. */
const balancerSchema = z.looseObject({
  ...writtenSchema.shape,
  bind: z.array(z.string()),
  discovery: z.looseObject({
    backends: z.array(z.looseObject({ host: z.string(), port: z.number() })).optional(),
  }),
});
type DemoBalancer = z.output<typeof balancerSchema>;

/** A balancer, and the revision that made it what it is. */
export type WrittenBalancer = z.output<typeof writtenSchema>;

/** Where things listen, in this start and in the last one. */
export interface DemoPlaces {
  readonly demoPort: number;
  readonly backendPorts: readonly [number, number];
  readonly backendPortsBefore: readonly [number, number] | undefined;
}

/**
 * The demo balancer: made when it is not there, else brought to this start's ports. What was
 * changed in it since stays: the bind follows `--demo-port`, and backends that were ours follow
 * theirs.
 */
export async function ensureBalancer(
  client: ControlClient,
  known: string | undefined,
  places: DemoPlaces,
): Promise<WrittenBalancer> {
  if (known !== undefined) {
    const path = `/v1/balancers/${known}`;
    const found = await client.call({ method: "GET", path, answer: balancerSchema });
    if (found.ok) return refreshed(client, { balancer: found.answer, etag: found.etag }, places);
  }
  return client.demand({
    method: "POST",
    path: "/v1/balancers",
    body: firstDefinition(places),
    answer: writtenSchema,
  });
}

function firstDefinition(places: DemoPlaces): unknown {
  return {
    name: "demo",
    bind: [`127.0.0.1:${places.demoPort}`],
    protocol: "tcp",
    strategy: "roundrobin",
    discovery: {
      kind: "static",
      backends: places.backendPorts.map((port) => ({ host: "127.0.0.1", port })),
    },
    drainTimeout: "1s",
  };
}

async function refreshed(
  client: ControlClient,
  found: { readonly balancer: DemoBalancer; readonly etag: string },
  places: DemoPlaces,
): Promise<WrittenBalancer> {
  const wanted = withPlaces(found.balancer, places);
  const { id, revision, ...definition } = wanted;
  if (JSON.stringify(wanted) === JSON.stringify(found.balancer)) return { id, revision };
  return client.demand({
    method: "PUT",
    path: `/v1/balancers/${id}`,
    headers: { "if-match": found.etag },
    body: definition,
    answer: writtenSchema,
  });
}

function withPlaces(balancer: DemoBalancer, places: DemoPlaces): DemoBalancer {
  const before = places.backendPortsBefore ?? places.backendPorts;
  const moved = new Map(before.map((port, index) => [port, places.backendPorts[index] ?? port]));
  const backends = balancer.discovery.backends?.map((backend) =>
    backend.host === "127.0.0.1"
      ? { ...backend, port: moved.get(backend.port) ?? backend.port }
      : backend,
  );
  return {
    ...balancer,
    bind: [`127.0.0.1:${places.demoPort}`],
    discovery: { ...balancer.discovery, ...(backends === undefined ? {} : { backends }) },
  };
}
