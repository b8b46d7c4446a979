import { z } from "zod";

import { textCharsMax } from "../../base/limits.ts";
import { nameSchema, pathSchema, portSchema, textSchema } from "../fields.ts";
import { boundedText, refuse } from "../reading.ts";
import { secretSchema } from "../secret-value.ts";
import { section } from "../section.ts";
import { fetchingShape, remoteTimeoutDefault } from "./fetching.ts";

/** Backends from the running containers of an LXD server. */
export const lxdDiscoverySchema = section({
  kind: z.literal("lxd"),
  serverAddress: boundedText(textCharsMax)
    .regex(/^(https|unix):\S+$/, { error: "starts with https: or unix:" })
    .meta({ examples: ["unix:/var/lib/lxd/unix.socket", "https://10.0.0.9:8443"] }),
  // LXD's own name for the server on the same host.
  serverRemoteName: nameSchema.default("local").meta({
    description: "Names the files that keep the server's certificate",
  }),
  serverRemotePassword: secretSchema.optional().meta({ description: "Trust password" }),
  configDirectory: pathSchema.optional().meta({
    description: "Client certificates; the LXD client's own directory unless given",
  }),
  // Trust is set up by people, unless they say otherwise.
  generateClientCerts: z.boolean().default(false),
  acceptServerCert: z.boolean().default(false),
  containerLabelKey: textSchema.optional().meta({
    description: "Only containers with this configuration key",
  }),
  containerLabelValue: textSchema.optional(),
  containerPort: portSchema.optional(),
  containerPortKey: textSchema.optional().meta({
    description: "Configuration key of the container that holds its port; wins over containerPort",
  }),
  // The interface that LXD gives every container.
  containerInterface: textSchema.default("eth0"),
  containerInterfaceKey: textSchema.optional(),
  containerSniKey: textSchema.optional(),
  // What containers on LXD's default bridge always have.
  containerAddressType: z.enum(["IPv4", "IPv6"]).default("IPv4"),
  ...fetchingShape(remoteTimeoutDefault),
})
  .superRefine(({ containerPort, containerPortKey }, check) => {
    if (containerPort !== undefined || containerPortKey !== undefined) return;
    const detail = "give containerPort, or containerPortKey, or both";
    refuse(check, { code: "required", detail, path: ["containerPort"] });
  })
  .meta({ id: "LxdDiscovery", description: "Backends from running LXD containers" });
