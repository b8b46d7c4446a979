import { z } from "zod";

import { countMax, hostCharsMax, nameCharsMax, textCharsMax } from "../base/limits.ts";
import { normalHost, readAddress, readHost, readHostName, readHostPort } from "./host.ts";
import { boundedText, readableText } from "./reading.ts";

/** Fields that several nouns share. */

/** A name that can become a DNS label, a file name or a metric's label without quoting. */
export const nameSchema = boundedText(nameCharsMax)
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, {
    error: "has lower-case letters and digits, and - _ . between them",
  })
  .meta({
    description: "Lower-case letters, digits, and - _ . between them",
    examples: ["web", "eu-west.cache"],
  });

export const hostSchema = readableText(readHost, hostCharsMax)
  .overwrite(normalHost)
  .meta({
    description: "An address, IPv6 without brackets, or a host name",
    examples: ["10.0.0.5", "fd00::5", "cache.internal"],
  });

/** An address, not a name: what it stands for must not change. */
export const addressSchema = readableText(readAddress, hostCharsMax).meta({
  description: "An address, IPv6 without brackets",
  examples: ["10.0.0.4", "fd00::4"],
});

export const hostNameSchema = readableText(readHostName, hostCharsMax).meta({
  examples: ["www.example.com"],
});

/** The id of something that the control plane keeps. */
export const idSchema = boundedText(64).regex(/^[a-z]{3}_[0-9a-z]+$/, { error: "is not an id" });

export const portSchema = z.int().min(1).max(65_535);

export const hostPortSchema = readableText(readHostPort, hostCharsMax + 8).meta({
  examples: ["10.0.0.5:53", "[fd00::5]:53", "consul.internal:8500"],
});

/** A number of connections, datagrams …; 0 means without limit. */
export const countSchema = z.int().min(0).max(countMax);

export const httpUrlSchema = z
  .url({ protocol: /^https?$/, error: "is not an http or https URL" })
  .max(textCharsMax)
  .meta({ examples: ["https://inventory.internal/backends.json"] });

/** A path on the node, absolute, so that it does not depend on where the agent was started. */
export const pathSchema = boundedText(textCharsMax)
  .regex(/^\//, { error: "is not an absolute path" })
  .meta({ examples: ["/etc/midstream/web.pem"] });

export const textSchema = boundedText(textCharsMax);
