import { z } from "zod";

import { section } from "./section.ts";

/** Announces the client's address to the backend before anything else is sent. */
export const proxyProtocolSchema = section({
  // No default: what the backend expects is for its owner to say.
  version: z.enum(["1"]).meta({ description: "1 is the line of text" }),
}).meta({
  id: "ProxyProtocol",
  description: "Announces the client's address to the backend (PROXY protocol)",
});
