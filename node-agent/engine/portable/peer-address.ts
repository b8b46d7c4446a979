/** An IPv4 client of an IPv6 socket shows as `::ffff:192.0.2.1`. */
export function withoutMapping(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
