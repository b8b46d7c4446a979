import { z } from "zod";

import { hostNameSchema, hostPortSchema } from "../fields.ts";
import { refuse } from "../reading.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";

/** Backends from DNS SRV records. */
export const srvDiscoverySchema = section({
  kind: z.literal("srv"),
  lookupServer: hostPortSchema.meta({ description: "The DNS server to ask" }),
  lookupPattern: hostNameSchema.meta({
    description: "The name to look up",
    examples: ["_web._tcp.service.consul."],
  }),
  // What resolvers speak; an answer that does not fit is asked for again over TCP.
  dnsProtocol: z.enum(["udp", "tcp"]).default("udp"),
  nxdomain: z.enum(["fail", "empty"]).optional().meta({
    description: "A name that does not exist: a failed fetch (unless told), or no backends",
  }),
  followTtl: z.boolean().optional().meta({
    description: "Asks again when the shortest TTL of the answer is over, not after the interval",
  }),
  ...fetchingShape(remoteTimeoutDefault),
})
  .superRefine(({ nxdomain, emptyAnswer }, check) => {
    if (nxdomain !== "empty" || emptyAnswer !== "fail") return;
    const detail = "fail does not go with nxdomain empty, which takes less for an answer";
    refuse(check, { code: "conflict", detail, path: ["emptyAnswer"] });
  })
  .meta({ id: "SrvDiscovery", description: "Backends from DNS SRV records" });
