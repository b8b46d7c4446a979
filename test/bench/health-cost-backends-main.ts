/** The backends of `health-cost.ts`, in a process of their own: their work is not what is measured. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer as createTcp, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";

import { testCertificate } from "../support/test-certificates.ts";
import { benchHosts } from "./bench-hosts.ts";

function echo(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.pipe(socket);
}

async function portOf(server: Server): Promise<number> {
  server.listen({ host: "0.0.0.0", port: 0, backlog: 4_096 });
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A socket for each address: the answer has to come from where the question went. */
async function startUdp(hosts: readonly string[]): Promise<number> {
  let shared = 0;
  for (const host of hosts) {
    const udp = createSocket("udp4");
    udp.on("message", (datagram, { address, port }) => udp.send(datagram, port, address));
    udp.bind(shared, host);
    await once(udp, "listening");
    shared = udp.address().port;
  }
  return shared;
}

const tls = createTls(testCertificate, echo);
tls.on("tlsClientError", () => undefined);

process.send?.({
  udp: await startUdp(benchHosts(Number(process.argv[2]))),
  echo: await portOf(createTcp(echo)),
  tls: await portOf(tls),
  http: await portOf(createHttp((_, response) => void response.end("ok"))),
});
process.on("disconnect", () => process.exit());
