import ipaddr from "ipaddr.js";

import type { AccessRule } from "#shared/definition/access.ts";

/** Who may come in, as definitions have it. */
export interface Access {
  /** For clients that no rule matches. */
  readonly default: "allow" | "deny";
  /** The first that matches decides. */
  readonly rules: readonly AccessRule[];
}

/** Says of an address whether it may come in, in O(log n). */
export interface AccessList {
  /**
   * `address` has 4 or 16 bytes. A client without an address, one of a Unix socket, is matched by no
   * rule. Rules for IPv4 and for IPv6 are strangers to each other: `::/0` is every IPv6 client.
   */
  allows(address: Uint8Array): boolean;
}

/** Prepares the rules: O(n log n). */
export function createAccessList({ rules, default: otherwise }: Access): AccessList {
  const networks = rules.map(networkOf);
  const isDefault = otherwise === "allow";
  const ipv4 = rangesOf(networks, 4, isDefault);
  const ipv6 = rangesOf(networks, 16, isDefault);
  return {
    allows: (address) => {
      if (address.length === 4) return verdictOf(ipv4, address);
      return address.length === 16 ? verdictOf(ipv6, address) : isDefault;
    },
  };
}

/** A rule's network as the range of its addresses. */
interface Network {
  readonly bytes: 4 | 16;
  readonly first: bigint;
  readonly last: bigint;
  /** Its rule's place in the list. */
  readonly rank: number;
  readonly isAllowed: boolean;
}

/** Ranges that cover all addresses without a gap, in order: where each begins, and its verdict. */
interface Ranges {
  readonly bytes: 4 | 16;
  readonly begins: Uint8Array;
  readonly verdicts: readonly boolean[];
}

/** IPv4 networks that are written as mapped into IPv6 are the IPv4 networks they mean. */
function networkOf({ action, network }: AccessRule, rank: number): Network {
  const [address, length] = ipaddr.parseCIDR(network);
  const mapped = ipaddr.process(address.toString());
  const isMapped = address.kind() === "ipv6" && mapped.kind() === "ipv4" && length >= 96;
  const bytes = address.kind() === "ipv4" || isMapped ? 4 : 16;
  const number = numberOf(isMapped ? mapped.toByteArray() : address.toByteArray());
  const hostBits = BigInt(bytes * 8 - (isMapped ? length - 96 : length));
  const first = (number >> hostBits) << hostBits;
  const last = first + (1n << hostBits) - 1n;
  return { bytes, first, last, rank, isAllowed: action === "allow" };
}

/**
 * Networks lie inside each other or apart, so one walk over their borders knows at each which ones
 * it is in: those that are open. Of these the first rule of the list decides.
 */
function rangesOf(networks: readonly Network[], bytes: 4 | 16, isDefault: boolean): Ranges {
  const ranges: Range[] = [{ begin: 0n, isAllowed: isDefault }];
  const open: Network[] = [];
  const closeBefore = (border: bigint): void => {
    for (;;) {
      const inner = open.at(-1);
      if (inner === undefined || inner.last >= border) return;
      open.pop();
      ranges.push({ begin: inner.last + 1n, isAllowed: open.at(-1)?.isAllowed ?? isDefault });
    }
  };
  for (const network of outerFirst(networks.filter((one) => one.bytes === bytes))) {
    closeBefore(network.first);
    const outer = open.at(-1);
    // What is open carries the verdict of all it lies in.
    const decides = outer !== undefined && outer.rank < network.rank ? outer : network;
    open.push({ ...network, rank: decides.rank, isAllowed: decides.isAllowed });
    ranges.push({ begin: network.first, isAllowed: decides.isAllowed });
  }
  const end = 1n << BigInt(bytes * 8);
  closeBefore(end);
  return packed(
    ranges.filter((range) => range.begin < end),
    bytes,
  );
}

interface Range {
  readonly begin: bigint;
  readonly isAllowed: boolean;
}

function outerFirst(networks: readonly Network[]): readonly Network[] {
  return networks.toSorted((a, b) => {
    if (a.first !== b.first) return a.first < b.first ? -1 : 1;
    if (a.last !== b.last) return a.last > b.last ? -1 : 1;
    return a.rank - b.rank;
  });
}

/** Of ranges that begin at the same address the last one stands. */
function packed(ranges: readonly Range[], bytes: 4 | 16): Ranges {
  const standing = ranges.filter((range, index) => range.begin !== ranges[index + 1]?.begin);
  const begins = new Uint8Array(standing.length * bytes);
  for (const [index, { begin }] of standing.entries()) {
    for (let byte = 0; byte < bytes; byte += 1) {
      begins[index * bytes + byte] = Number((begin >> BigInt((bytes - 1 - byte) * 8)) & 0xffn);
    }
  }
  return { bytes, begins, verdicts: standing.map(({ isAllowed }) => isAllowed) };
}

/** The last range that begins at or before the address; the first one begins at 0. */
function verdictOf(ranges: Ranges, address: Uint8Array): boolean {
  let low = 0;
  let high = ranges.verdicts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (isAtOrBefore(ranges, middle, address)) low = middle;
    else high = middle - 1;
  }
  return ranges.verdicts[low] ?? false;
}

function isAtOrBefore({ begins, bytes }: Ranges, range: number, address: Uint8Array): boolean {
  for (let byte = 0; byte < bytes; byte += 1) {
    const difference = (begins[range * bytes + byte] ?? 0) - (address[byte] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

function numberOf(bytes: readonly number[]): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}
