import { z } from "zod";

import { textCharsMax } from "../../base/limits.ts";
import { portSchema, textSchema } from "../fields.ts";
import { boundedText } from "../reading.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";
import { sourceTlsSchema } from "./source-tls.ts";

/** Backends from the running containers of a Docker engine. */
export const dockerDiscoverySchema = section({
  kind: z.literal("docker"),
  endpoint: boundedText(textCharsMax)
    .regex(/^(https?|tcp):\/\/\S+$|^unix:\/\/\/\S+$/, {
      error: "starts with http://, https://, tcp:// or unix:///",
    })
    .meta({ examples: ["unix:///var/run/docker.sock", "tcp://10.0.0.9:2376"] }),
  containerLabel: textSchema.optional().meta({
    description: "Only containers with this label",
    examples: ["role=web"],
  }),
  containerPrivatePort: portSchema.meta({
    description: "The port inside the container; its published port becomes the backend's",
  }),
  containerHostEnvVar: textSchema.optional().meta({
    description: "Environment variable of the container that holds the backend's host",
  }),
  address: z
    .enum(["published", "container"])
    .optional()
    .meta({
      description:
        "Where traffic goes: the published port of the engine's host (unless told), or the " +
        "container's own address and private port",
    }),
  network: textSchema.optional().meta({
    description: "With container addresses: the network whose address is used; any unless given",
  }),
  units: z.enum(["containers", "services"]).optional().meta({
    description: "Containers of the engine (unless told), or tasks of the swarm's services",
  }),
  auth: section({ username: textSchema, password: secretSchema })
    .optional()
    .meta({ description: "HTTP Basic, for a proxy in front of the engine" }),
  tls: sourceTlsSchema.optional(),
  ...fetchingShape(remoteTimeoutDefault),
}).meta({ id: "DockerDiscovery", description: "Backends from running containers" });
