import { z } from "zod";

import type { Fetched } from "../discovery.ts";
import { Gathering } from "../gathering.ts";
import type { KubernetesDiscovery } from "./kubernetes-api.ts";

const endpointSchema = z.object({
  addresses: z.array(z.string()),
  conditions: z
    .object({
      ready: z.boolean().nullish(),
      serving: z.boolean().nullish(),
      terminating: z.boolean().nullish(),
    })
    .nullish(),
});

/** What is read of an EndpointSlice (discovery.k8s.io/v1); everything else may look as it likes. */
const sliceSchema = z.object({
  metadata: z.object({ name: z.string() }),
  addressType: z.string(),
  endpoints: z.array(endpointSchema).nullish(),
  ports: z
    .array(
      z.object({
        name: z.string().nullish(),
        port: z.number().nullish(),
        protocol: z.string().nullish(),
      }),
    )
    .nullish(),
});

type Slice = z.output<typeof sliceSchema>;
type Endpoint = z.output<typeof endpointSchema>;

export interface SliceTerms {
  readonly discovery: KubernetesDiscovery;
  readonly transport: "tcp" | "udp";
}

/**
 * Backends from a service's slices: its endpoints that are ready, and when none is, those that end
 * but still serve, as kube-proxy does it (KEP-1669).
 */
export function sliceBackends(items: readonly unknown[], terms: SliceTerms): Fetched {
  const gathering = new Gathering();
  const slices = items.flatMap((item, index) => {
    const slice = sliceSchema.safeParse(item);
    if (slice.success) return [slice.data];
    gathering.skip(`the EndpointSlice ${index} is none`);
    return [];
  });
  const wanted = ofFamily(slices, terms.discovery);
  const isWanted = wanted.some(hasReady) ? isReady : isEnding;
  for (const slice of wanted) gather(gathering, { slice, terms, isWanted });
  return gathering.list();
}

/** Without a family that is told: host names, and IPv4 before IPv6. */
function ofFamily(
  slices: readonly Slice[],
  { addressFamily }: KubernetesDiscovery,
): readonly Slice[] {
  if (addressFamily === "any") return slices;
  const usual = slices.some((slice) => slice.addressType === "IPv4" && isUsed(slice));
  const family = addressFamily ?? (usual ? "IPv4" : "IPv6");
  return slices.filter(({ addressType }) => addressType === family || addressType === "FQDN");
}

function isUsed({ endpoints }: Slice): boolean {
  return (endpoints ?? []).length > 0;
}

function hasReady({ endpoints }: Slice): boolean {
  return (endpoints ?? []).some(isReady);
}

/** What is not known counts as ready (API reference, EndpointConditions). */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

function isEnding({ conditions }: Endpoint): boolean {
  return conditions?.serving === true && conditions.terminating === true;
}

interface Gathered {
  readonly slice: Slice;
  readonly terms: SliceTerms;
  readonly isWanted: (endpoint: Endpoint) => boolean;
}

function gather(gathering: Gathering, { slice, terms, isWanted }: Gathered): void {
  const name = `the EndpointSlice ${slice.metadata.name}`;
  const endpoints = (slice.endpoints ?? []).filter(isWanted);
  if (endpoints.length === 0) return;
  const port = portOf(slice, terms);
  if (typeof port === "string") return gathering.skip(`${name} ${port}`);
  for (const { addresses } of endpoints) {
    if (!gathering.hasRoom()) return;
    // All addresses of an endpoint lead to it; the first is the one to use.
    const [host] = addresses;
    if (host === undefined) gathering.skip(`${name} has an endpoint without an address`);
    else gathering.find({ host, port }, name);
  }
}

/** The port's number, or why there is none. */
function portOf({ ports }: Slice, { discovery, transport }: SliceTerms): number | string {
  const { port: wanted } = discovery;
  const spoken = (ports ?? []).filter(
    ({ protocol }) => (protocol ?? "TCP") === transport.toUpperCase(),
  );
  const fitting = spoken.filter(
    ({ name, port }) =>
      wanted === undefined || (typeof wanted === "string" ? name : port) === wanted,
  );
  const [first, second] = fitting;
  if (first === undefined) {
    return wanted === undefined ? `has no ${transport} port` : `has no ${transport} port ${wanted}`;
  }
  if (second !== undefined && second.port !== first.port) {
    return "has several ports, and the definition does not say which";
  }
  return first.port ?? "does not tell the number of its port";
}
