import { z } from "zod";

import { wholeNumber, type FoundBackend } from "../read-backend.ts";

/** What is read of a container in the engine's list; everything else may look as it likes. */
export const containerSchema = z.object({
  Id: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  Ports: z
    .array(
      z.object({
        IP: z.string().nullish(),
        PrivatePort: z.number(),
        PublicPort: z.number().nullish(),
        Type: z.string().nullish(),
      }),
    )
    .nullish(),
  HostConfig: z.object({ NetworkMode: z.string().nullish() }).nullish(),
  NetworkSettings: z
    .object({
      Networks: z
        .record(
          z.string(),
          z.object({ IPAddress: z.string().nullish(), GlobalIPv6Address: z.string().nullish() }),
        )
        .nullish(),
    })
    .nullish(),
});

export type Container = z.output<typeof containerSchema>;

/** A place where a container is reached. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface PublishedTerms {
  readonly privatePort: number;
  readonly transport: "tcp" | "udp";
  /** Where what is published on all addresses is reached. */
  readonly hostAddress: string;
}

/**
 * Where the private port is published, each place once. A row for all IPv6 addresses says nothing
 * new beside one for all IPv4 addresses; a row without a public port is only exposed.
 */
export function publishedPlaces(
  { Ports }: Container,
  { privatePort, transport, hostAddress }: PublishedTerms,
): readonly Place[] {
  const rows = (Ports ?? []).flatMap(({ IP, PrivatePort, PublicPort, Type }) =>
    PrivatePort === privatePort && (Type ?? "tcp") === transport && PublicPort
      ? [{ ip: IP ?? "", port: PublicPort }]
      : [],
  );
  const isEverywhere4 = rows.some(({ ip }) => ip === "0.0.0.0" || ip === "");
  const places = rows
    .filter(({ ip }) => !(ip === "::" && isEverywhere4))
    .map(({ ip, port }) => ({ host: ["", "0.0.0.0", "::"].includes(ip) ? hostAddress : ip, port }));
  return uniquePlaces(places);
}

/**
 * The container's own address in this network, or in any; undefined as long as it has none. With
 * the host's network it is the host's.
 */
export function ownAddress(
  { HostConfig, NetworkSettings }: Container,
  { network, hostAddress }: { readonly network: string | undefined; readonly hostAddress: string },
): string | undefined {
  const networks = Object.entries(NetworkSettings?.Networks ?? {}).filter(
    ([name]) => network === undefined || name === network,
  );
  const address = networks
    .map(([, one]) => one.IPAddress || one.GlobalIPv6Address || "")
    .find((one) => one !== "");
  return address ?? (HostConfig?.NetworkMode === "host" ? hostAddress : undefined);
}

/** What labels say: `sni`, `weight`, `priority`, `max_connections`, or the same after `midstream.`. */
export function labelledFields(
  labels: Readonly<Record<string, string>> | null | undefined,
): Omit<FoundBackend, "host" | "port"> {
  const text = (name: string): string | undefined =>
    labels?.[`midstream.${name}`] ?? labels?.[name];
  const number = (name: string): number | undefined => wholeNumber(text(name));
  return {
    weight: number("weight"),
    priority: number("priority"),
    maxConnections: number("max_connections"),
    sni: text("sni"),
  };
}

/** Each place once; engines list some twice. */
export function uniquePlaces(places: readonly Place[]): readonly Place[] {
  const byName = new Map(places.map((place) => [`${place.host} ${place.port}`, place]));
  return [...byName.values()];
}
