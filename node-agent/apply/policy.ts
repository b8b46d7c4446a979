import ipaddr from "ipaddr.js";
import { z } from "zod";

import { policyItemsMax, textCharsMax } from "#shared/base/limits.ts";
import type { Checked } from "#shared/base/problem.ts";
import type { PortRange } from "#shared/definition/bind.ts";
import { isAddress, readPort } from "#shared/definition/host.ts";
import { refuse, refused, understood, type Reading } from "#shared/definition/reading.ts";
import { section } from "#shared/definition/section.ts";
import { problemsOf } from "#shared/validation/problems-of.ts";

const addressRanges = z.array(readAs(readAddressRange)).max(policyItemsMax);
const portRanges = z.array(readAs(readPortRange)).max(policyItemsMax);
const paths = z.array(readAs(readAbsolutePath)).max(policyItemsMax);
const allowedPaths = section({ allow: paths.prefault([]) });

/** A program alone, or a program and exactly these arguments. */
const commands = z
  .array(
    z.union([readAs(readAbsolutePath), z.array(z.string().min(1).max(textCharsMax)).min(1)], {
      error: "write the path of a program, or a list: the program and its arguments",
    }),
  )
  .max(policyItemsMax);

/**
 * What the owner of this host lets the control plane do on it. Every listener may be opened unless
 * `bind` says less; no command runs, no Unix socket is used, no file of a certificate is read and no
 * folder is written to unless it is named.
 */
const policySchema = section({
  bind: section({
    /** Addresses or CIDR ranges. */
    addresses: addressRanges.prefault(["0.0.0.0/0", "::/0"]),
    /** Ports or ranges, `"1024-65535"`. */
    ports: portRanges.prefault(["1-65535"]),
  }).prefault({}),
  /** A program that stands alone is for health checks, and for discovery without arguments. */
  exec: section({ allow: commands.prefault([]) }).prefault({}),
  sockets: allowedPaths.prefault({}),
  /** What balancers may read as certificates, keys and authorities: files, or folders ending in `/`. */
  files: allowedPaths.prefault({}),
  /** Folders that an LXD discovery may put certificates into. */
  folders: allowedPaths.prefault({}),
});

/** The local policy: it bounds every definition, whoever signed it. */
export type Policy = z.output<typeof policySchema>;

/** Every problem of a policy at once, or the policy with its defaults filled in. */
export function checkPolicy(raw: unknown): Checked<Policy> {
  const parsed = policySchema.safeParse(raw);
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, problems: problemsOf(parsed.error, raw) };
}

/** The policy of a host whose owner wrote none. */
export function defaultPolicy(): Policy {
  return policySchema.parse({});
}

type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** A text that `read` understands, as what it means. */
function readAs<T>(read: (text: string) => Reading<T>): z.ZodType<T, string> {
  return z
    .string()
    .max(textCharsMax)
    .transform((text, check) => {
      const reading = read(text);
      if (reading.ok) return reading.value;
      refuse(check, reading);
      return z.NEVER;
    });
}

function readAddressRange(text: string): Reading<AddressRange> {
  const [address = ""] = text.split("/", 1);
  if (!isAddress(address)) return notAnAddress;
  if (address !== text) {
    return ipaddr.isValidCIDR(text)
      ? understood(withoutMapping(ipaddr.parseCIDR(text)))
      : notAnAddress;
  }
  const parsed = ipaddr.process(text);
  return understood([parsed, parsed.kind() === "ipv4" ? 32 : 128]);
}

/** A range of IPv4 addresses mapped into IPv6 is one of IPv4 addresses: that is what binds become. */
function withoutMapping([address, bits]: AddressRange): AddressRange {
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
  return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits];
}

const notAnAddress = refused(
  "invalid-address",
  "write an address or a range: 10.0.0.0/8, 127.0.0.1, ::1",
);

function readPortRange(text: string): Reading<PortRange> {
  const [first = "", last = first] = text.split("-", 2);
  const from = readPort(first);
  const to = readPort(last);
  if (!from.ok) return from;
  if (!to.ok) return to;
  if (from.value > to.value) return backwards;
  return understood({ fromPort: from.value, toPort: to.value });
}

const backwards = refused("invalid-address", "a range starts with its lower port");

function readAbsolutePath(text: string): Reading<string> {
  return text.startsWith("/")
    ? understood(text)
    : refused("invalid-format", "must be an absolute path");
}
