import { once } from "node:events";
import { createServer, request, type IncomingMessage } from "node:http";
import { connect } from "node:net";

import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { agentPaths, linkSubprotocol } from "#shared/wire/protocol.ts";

import { eventually } from "../../support/eventually.ts";
import type { SimulatedNode } from "../../support/simulated-node.ts";
import { nodeWorld } from "./node-world.ts";

const base = "/midstream";

/** A proxy that publishes the control plane below a base path, which it takes off on the way. */
async function strippingProxy(target: URL): Promise<string> {
  const stripped = ({ url = "" }: IncomingMessage): string => url.slice(base.length);
  const server = createServer((incoming, outgoing) => {
    const { method, headers } = incoming;
    const onward = request(new URL(stripped(incoming), target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  server.on("upgrade", (incoming, socket) => {
    const onward = connect(Number(target.port), target.hostname, () => {
      const lines = [`GET ${stripped(incoming)} HTTP/1.1`];
      for (let n = 0; n < incoming.rawHeaders.length; n += 2) {
        lines.push(`${incoming.rawHeaders[n]}: ${incoming.rawHeaders[n + 1]}`);
      }
      onward.write(`${lines.join("\r\n")}\r\n\r\n`);
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) {
      end.on("error", () => end.destroy());
      end.on("close", () => (end === socket ? onward : socket).destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return `http://127.0.0.1:${address.port}${base}`;
}

/** How an upgrade at this address ends, signed for this path. */
async function upgraded(node: SimulatedNode, url: string, signedPath: string): Promise<number> {
  node.generation += 1;
  const authorization = node.authorization("GET", signedPath);
  const socket = new WebSocket(url.replace("http:", "ws:"), linkSubprotocol, {
    headers: { authorization },
  });
  onTestFinished(() => socket.terminate());
  socket.on("error", () => undefined);
  return new Promise((resolve) => {
    socket.on("open", () => resolve(101));
    socket.on("unexpected-response", (_, answer) => {
      socket.terminate();
      resolve(answer.statusCode ?? 0);
    });
  });
}

test("behind a proxy that takes a base path off, a signature is for the path below it", async () => {
  const { control, tenant, node } = await nodeWorld();
  const published = await strippingProxy(new URL(control.url));
  const one = await node();
  await tenant.commit({ bal_a: { name: "a" } });
  await one.connect();
  await eventually(() => one.running?.rev === 1);

  expect(await upgraded(one, `${published}${agentPaths.link}`, agentPaths.link)).toBe(101);
  expect(await upgraded(one, `${published}${agentPaths.link}`, `${base}${agentPaths.link}`)).toBe(
    401,
  );

  const path = `${agentPaths.snapshots}${one.running?.root}`;
  const pulled = async (signedPath: string): Promise<number> => {
    const authorization = one.authorization("GET", signedPath);
    const answer = await fetch(`${published}${path}?epoch=1&rev=1`, { headers: { authorization } });
    await answer.arrayBuffer();
    return answer.status;
  };
  expect(await pulled(path), "the query is not part of it").toBe(200);
  expect(await pulled(`${base}${path}`)).toBe(401);
});
