import { z } from "zod";

import { proxySourcesMax } from "../base/limits.ts";
import { durationField } from "./duration-field.ts";
import { readNetwork } from "./network.ts";
import { readableText, refused, understood, type Reading } from "./reading.ts";
import { section } from "./section.ts";

/** Clients of Unix sockets: they have no address, the permissions of the socket's file decide. */
export const unixSource = "unix";

/**
 * Takes the client's address from whoever is in front of us. The access list, limits, elections and
 * logs go by that address.
 */
export const inboundProxyProtocolSchema = section({
  // Whoever may announce an address may claim any: that is never left to a default.
  from: z
    .array(readableText(readSource, 128))
    .min(1)
    .max(proxySourcesMax)
    .meta({
      description:
        "Addresses and networks of the proxies in front of this balancer, `unix` for those that come by " +
        "a Unix socket. Connections from anywhere else are refused",
      examples: [["10.0.0.0/8", "2001:db8::5", "unix"]],
    }),
  // A proxy that forgets its header would pass for all of its clients.
  required: z
    .boolean()
    .default(true)
    .meta({
      description:
        "Connections without a header are refused; with false they count as the proxy's own, which " +
        "is what health checks of some proxies are",
    }),
  // The header is the first thing that a proxy sends: five seconds are two lost packets.
  timeout: durationField().prefault("5s").meta({
    description: 'Time for the whole header to arrive; "0" is a minute',
  }),
}).meta({
  id: "InboundProxyProtocol",
  description: "Takes the client's address from trusted proxies (PROXY protocol, version 1 or 2)",
});

function readSource(text: string): Reading<string> {
  const isKnown = text === unixSource || readNetwork(text) !== undefined;
  return isKnown
    ? understood(text)
    : refused("invalid-address", `is neither an address, nor a network, nor ${unixSource}`);
}
