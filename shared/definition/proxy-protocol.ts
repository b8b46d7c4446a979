import { z } from "zod";

import { section } from "./section.ts";

/** Announces the client's address to the backend before anything else is sent. */
export const proxyProtocolSchema = section({
  // No default: what the backend expects is for its owner to say.
  version: z.enum(["1", "2"]).meta({
    description: "1 is the line of text, 2 the binary header",
  }),
  tlsDetails: z
    .boolean()
    .optional()
    .meta({
      description:
        "Version 2 tells of the client's TLS as well: host name, protocol (ALPN), version, suite and " +
        "the name in its certificate. Where TLS passes through, the host name that `sni` has read",
    }),
  beforeTls: z
    .boolean()
    .optional()
    .meta({
      description:
        "With `backendTls` the header goes in clear, before the backend's handshake, and not inside " +
        "of its TLS",
    }),
}).meta({
  id: "ProxyProtocol",
  description:
    "Announces the client's address to the backends (PROXY protocol); a backend with " +
    "`proxyProtocol: false` gets none",
});
