import { z } from "zod";

import { addressSchema, countSchema } from "./fields.ts";
import { section } from "./section.ts";

/** When a UDP session ends, and whose address the backend sees. */
export const udpSchema = section({
  // Sessions normally end by silence (`limits`); counting is for protocols of one question, one answer.
  maxRequests: countSchema.default(0).meta({
    description:
      "A session ends after so many datagrams of the client; 1 balances every datagram on its own " +
      "and takes no replies; 0 is without limit",
  }),
  maxResponses: countSchema.default(0).meta({
    description: "A session ends after so many datagrams of the backend; 0 is without limit",
  }),
  // Needs privileges, and routes that bring the replies back.
  transparent: z.boolean().default(false).meta({
    description: "The backend sees the client's own address",
  }),
  // A host with several addresses, of which backends trust or route back to one.
  sourceAddress: addressSchema.optional().meta({
    description: "The node's address that datagrams to backends are sent from",
    examples: ["10.0.0.4"],
  }),
}).meta({ id: "Udp", description: "Only with protocol udp" });
