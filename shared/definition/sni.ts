import { z } from "zod";

import { durationField } from "./duration-field.ts";
import { section } from "./section.ts";

/** Chooses among the backends by the host name in the client's TLS hello, without decrypting. */
export const sniSchema = section({
  // Names are names; a pattern has to be asked for.
  hostnameMatchingStrategy: z.enum(["exact", "regexp"]).default("exact").meta({
    description: "How a backend's `sni` is compared: as a name in any case, or as an RE2 pattern",
  }),
  // A name nobody serves goes where the names without a home go: backends without `sni`.
  unexpectedHostnameStrategy: z.enum(["default", "reject", "any"]).default("default").meta({
    description: "For a name no backend has: those without `sni`, none, or any",
  }),
  // gobetween's, and kept: a TLS client sends its hello at once, so two seconds are loss and retries.
  readTimeout: durationField().prefault("2s").meta({
    description: 'Time for the client\'s whole hello to arrive; "0" is a minute',
  }),
}).meta({ id: "Sni", description: "Routing by the host name in the client's TLS hello" });
