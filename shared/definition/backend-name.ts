import { normalHost, readHostPort } from "./host.ts";
import { understood, type Reading } from "./reading.ts";
import { readSocketPath, socketPathOf } from "./socket-path.ts";

/**
 * What a backend is called everywhere, however its host was spelled: `host:port`, IPv6 in brackets; of
 * a Unix socket `unix:/path`. Two that are called the same are one backend.
 */
export function backendName(host: string, port: number): string {
  if (socketPathOf(host) !== undefined) return host;
  const normal = normalHost(host);
  return normal.includes(":") ? `[${normal}]:${port}` : `${normal}:${port}`;
}

/** A backend's name from a text that calls it so, however its host is spelled there. */
export function readBackendName(text: string): Reading<string> {
  const path = socketPathOf(text);
  if (path !== undefined) {
    const socket = readSocketPath(path);
    return socket.ok ? understood(text) : socket;
  }
  const target = readHostPort(text);
  return target.ok ? understood(backendName(target.value.host, target.value.port)) : target;
}
