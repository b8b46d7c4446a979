import type { RecordWithTtl, Resolver } from "node:dns";

import type { Clock } from "#shared/base/clock.ts";
import { systemErrorCode } from "#shared/base/fault.ts";
import { otherFamilyMsMax } from "#shared/base/limits.ts";

/** An address, and how long its name server lets it be kept. */
export interface DnsAddress {
  readonly address: string;
  readonly family: 4 | 6;
  readonly ttlS: number;
}

export type DnsAnswer =
  | { readonly kind: "found"; readonly addresses: readonly DnsAddress[] }
  /** The name servers say that there is no such name, or none with an address. */
  | { readonly kind: "absent" }
  /** No answer, or an error of the name servers: a code of node:dns. */
  | { readonly kind: "failed"; readonly code: string };

type Half = DnsAnswer | undefined;

/**
 * Asks for both kinds of address at once. When one kind is there and the other is not within
 * `otherFamilyMsMax`, it goes on with what it has (RFC 8305, section 3): some name servers never
 * answer the question for IPv6.
 */
export function askForAddresses(
  { clock, resolver }: { readonly clock: Clock; readonly resolver: Resolver },
  name: string,
): Promise<DnsAnswer> {
  return new Promise((resolve) => {
    const halves: { v4: Half; v6: Half } = { v4: undefined, v6: undefined };
    let grace: { stop(): void } | undefined;
    const settle = (): void => {
      grace?.stop();
      resolve(merged(halves.v4, halves.v6));
    };
    const onHalf = (which: "v4" | "v6", answer: DnsAnswer): void => {
      halves[which] = answer;
      if (halves.v4 !== undefined && halves.v6 !== undefined) settle();
      else if (answer.kind === "found") grace = clock.after(otherFamilyMsMax, settle);
    };
    resolver.resolve4(name, { ttl: true }, (error, records) =>
      onHalf("v4", answerOf(4, error, records)),
    );
    resolver.resolve6(name, { ttl: true }, (error, records) =>
      onHalf("v6", answerOf(6, error, records)),
    );
  });
}

function answerOf(
  family: 4 | 6,
  error: NodeJS.ErrnoException | null,
  records: readonly RecordWithTtl[] | undefined,
): DnsAnswer {
  if (error === null && records !== undefined && records.length > 0) {
    const addresses = records.map(({ address, ttl }) => ({ address, family, ttlS: ttl }));
    return { kind: "found", addresses };
  }
  const code = systemErrorCode(error) ?? "ENODATA";
  return absentCodes.has(code) ? { kind: "absent" } : { kind: "failed", code };
}

const absentCodes: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);

/** IPv4 first: a host without IPv6 then dials nothing in vain. */
function merged(v4: Half, v6: Half): DnsAnswer {
  const addresses = [v4, v6].flatMap((half) => (half?.kind === "found" ? half.addresses : []));
  if (addresses.length > 0) return { kind: "found", addresses };
  const failed = [v4, v6].find((half) => half?.kind === "failed");
  return failed ?? { kind: "absent" };
}
