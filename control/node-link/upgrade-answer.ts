import type { Duplex } from "node:stream";

/** Why an upgrade was refused, as HTTP. */
export interface UpgradeRefusal {
  readonly status: 400 | 401 | 403 | 409 | 429 | 503;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers an upgrade that does not become a link, and closes the connection. */
export function refuseUpgrade(socket: Duplex, refusal: UpgradeRefusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, code, detail } = refusal;
  const type = `urn:midstream:problem:${code.replace("/", ":")}`;
  const body = JSON.stringify({ type, title: detail, status, code, detail, errors: [] });
  const headers = {
    "Content-Type": "application/problem+json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
    ...refusal.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  // Clients ignore the reason phrase (RFC 9112 section 4).
  const answer = [`HTTP/1.1 ${status} Refused`, ...lines, "", body].join("\r\n");
  // The other side may leave its half open for ever; with the answer out there is nothing to wait for.
  socket.end(answer, () => socket.destroy());
}
