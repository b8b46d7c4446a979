import { isIP } from "node:net";

/** What a hosts file says: addresses by name in lower case, in the order of its lines. */
export type Hosts = ReadonlyMap<string, readonly string[]>;

/** Reads the format of hosts(5); lines that are none are passed over. */
export function parseHosts(text: string): Hosts {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = withoutComment(line).trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) addTo(hosts, name.toLowerCase(), address);
  }
  return hosts;
}

function withoutComment(line: string): string {
  const at = line.indexOf("#");
  return at === -1 ? line : line.slice(0, at);
}

function addTo(hosts: Map<string, string[]>, name: string, address: string): void {
  const known = hosts.get(name);
  if (known === undefined) hosts.set(name, [address]);
  else if (!known.includes(address)) known.push(address);
}
