import { socketPathOf } from "./socket-path.ts";

/** What a backend is called everywhere: `host:port`, IPv6 in brackets; of a Unix socket `unix:/path`. */
export function backendName(host: string, port: number): string {
  if (socketPathOf(host) !== undefined) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
