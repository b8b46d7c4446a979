import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { refusedRetryMs } from "#shared/base/limits.ts";

import type { ConnectRefusal } from "../../../node-agent/control-link/link-machine-events.ts";
import { openLinkSocket } from "../../../node-agent/control-link/link-socket.ts";
import { eventually } from "../../support/eventually.ts";
import { entryFor } from "../apply/balancers.ts";
import { startControl, startNode } from "./node-under-test.ts";

test("below a base path that a proxy takes away the link opens and snapshots are pulled", async () => {
  const { control, publisher, node } = await startControl();
  const entries = [entryFor("bal_a")];
  const version = publisher.version(1, entries);
  const snapshot = publisher.snapshot(1, entries);
  control.snapshot = () => snapshot;
  const proxy = await strippingProxy(Number(new URL(control.url).port), "/base");

  const { link, flows } = await startNode({ ...node, control: `${proxy}/base/` });

  const open = await control.link(1);
  await eventually(() => link.view().stage === "open");
  open.send({
    t: "ref",
    nonce: "n1",
    to: version,
    url: `/v1/agent/snapshots/${version.root}`,
    bytes: 100,
    signature: publisher.signature(version),
  });
  await eventually(() => flows.serving.has("bal_a"));
});

test("a control plane that knows a higher number answers 409: the node comes back above it", async () => {
  const { control, node } = await startControl();
  const known = Math.floor(Date.now() / 1_000) + 1_000;
  control.refuse = ({ generation }) => (generation <= known ? { status: 409 } : undefined);
  const { link, clock } = await startNode(node);

  await eventually(() => link.view().stage === "waiting");
  clock.advance(2 * refusedRetryMs);
  await eventually(() => control.claims.length === 2);
  await eventually(() => link.view().stage !== "connecting");
  clock.advance(2 * refusedRetryMs);
  await eventually(() => link.view().stage === "open");
  expect(control.claims.at(-1)?.generation).toBeGreaterThan(known);
});

test("a refused upgrade leaves no socket open", async () => {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    // The answer has a body that never ends, and the other side keeps its half open.
    socket.once("data", () => socket.write("HTTP/1.1 409 Conflict\r\ncontent-length: 99\r\n\r\n"));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const refused = Promise.withResolvers<ConnectRefusal>();

  openLinkSocket(
    { url, authorization: "x", ca: undefined },
    {
      onOpened: () => undefined,
      onReceived: () => undefined,
      onHeard: () => undefined,
      onLost: () => undefined,
      onRefused: (refusal) => refused.resolve(refusal),
    },
  );

  expect(await refused.promise).toMatchObject({ kind: "status", status: 409 });
  await eventually(() => sockets.size === 0);
});

/** A reverse proxy that serves a port of loopback below a path. Returns its address. */
async function strippingProxy(port: number, base: string): Promise<string> {
  const stripped = (path: string | undefined): string => (path ?? "").replace(base, "");
  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith(`${base}/`) !== true) return void outgoing.writeHead(404).end();
    const { method = "GET", headers } = incoming;
    const there = ask({ port, host: "127.0.0.1", path: stripped(incoming.url), method, headers });
    there.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(there);
  });
  const sockets = new Set<Socket>();
  server.on("upgrade", (incoming, socket: Socket) => {
    const there = connect(port, "127.0.0.1");
    for (const one of [socket, there]) {
      sockets.add(one);
      one.on("error", () => one.destroy());
    }
    const lines = Object.entries(incoming.headers).map(
      ([name, value]) => `${name}: ${String(value)}`,
    );
    there.write(`GET ${stripped(incoming.url)} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    socket.pipe(there).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
