import { readFileSync } from "node:fs";

/** What Linux may grow a socket's two queues to, in bytes: the last number of tcp_rmem and tcp_wmem. */
export function systemBufferBytesMax(): number {
  return largestOf("tcp_rmem") + largestOf("tcp_wmem");
}

function largestOf(setting: string): number {
  const numbers = readFileSync(`/proc/sys/net/ipv4/${setting}`, "utf8").trim().split(/\s+/);
  return Number(numbers.at(-1));
}
