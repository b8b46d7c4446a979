/** So many addresses of this host, one for each backend: on Linux all of 127.0.0.0/8 is. */
export function benchHosts(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `127.1.${index >> 8}.${index & 255}`);
}
