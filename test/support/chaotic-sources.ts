import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

import { decode, encode } from "dns-packet";
import { onTestFinished } from "vitest";

import { startPages } from "./page-server.ts";

/** What a source does to those who ask it; `fine` names all backends. */
export type Mood = "fine" | "failing" | "hanging" | "flooding" | "flapping";

/** A source of one kind whose mood can be changed at any time. */
export interface ChaoticSource {
  /** The definition of a discovery that asks it. */
  readonly discovery: Readonly<Record<string, unknown>>;
  readonly feel: (mood: Mood) => void;
}

/** What a flapping source names, one after the other; undefined is a failure. */
function flaps(ports: readonly number[]): readonly (readonly number[] | undefined)[] {
  return [ports.slice(0, 1), ports, undefined, ports.slice(-1), [], ports, ports.slice(0, 1)];
}

const junk = Buffer.alloc(256 * 1_024, "127.0.0.1:1 ");

/** What one kind's answers look like. */
interface PageKind {
  readonly page: (ports: readonly number[]) => string;
  /** A question that is answered as long as it is open; without it the kind has no stream. */
  readonly isWatch?: (request: IncomingMessage) => boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly discovery: (origin: string) => Readonly<Record<string, unknown>>;
}

const json = (value: unknown): string => JSON.stringify(value);

/** Kinds that are asked by HTTP. */
export const pageKinds: Readonly<Record<string, PageKind>> = {
  plaintext: {
    page: (ports) => ports.map((port) => `127.0.0.1:${port}`).join("\n"),
    discovery: (origin) => ({ kind: "plaintext", endpoint: origin }),
  },
  json: {
    page: (ports) => json(ports.map((port) => ({ host: "127.0.0.1", port }))),
    discovery: (origin) => ({ kind: "json", endpoint: origin }),
  },
  docker: {
    page: (ports) =>
      json(
        ports.map((PublicPort) => {
          const Ports = [{ IP: "127.0.0.1", PrivatePort: 80, PublicPort, Type: "tcp" }];
          return { Id: `c${PublicPort}`, Labels: {}, Ports };
        }),
      ),
    isWatch: ({ url }) => url?.startsWith("/events") === true,
    discovery: (origin) => ({ kind: "docker", endpoint: origin, containerPrivatePort: 80 }),
  },
  consul: {
    page: (ports) =>
      json(
        ports.map((Port) => ({ Node: { Address: "127.0.0.1" }, Service: { Address: "", Port } })),
      ),
    isWatch: ({ url }) => url?.includes("index=") === true,
    headers: { "x-consul-index": "7" },
    discovery: (origin) => ({ kind: "consul", host: new URL(origin).host, serviceName: "web" }),
  },
  etcd: {
    page: (ports) => {
      const encoded = (text: string): string => Buffer.from(text).toString("base64");
      return json({
        kvs: ports.map((port) => ({
          key: encoded(`/w/${port}`),
          value: encoded(`127.0.0.1:${port}`),
        })),
      });
    },
    isWatch: ({ url }) => url === "/v3/watch",
    discovery: (origin) => ({ kind: "etcd", endpoint: origin, prefix: "/w/" }),
  },
  kubernetes: {
    page: (ports) =>
      json({
        metadata: { resourceVersion: "7" },
        items: ports.map((port) => ({
          metadata: { name: `w-${port}` },
          addressType: "IPv4",
          endpoints: [{ addresses: ["127.0.0.1"] }],
          ports: [{ port }],
        })),
      }),
    isWatch: ({ url }) => url?.includes("watch=1") === true,
    discovery: (origin) => ({ kind: "kubernetes", apiServer: origin, serviceName: "web" }),
  },
};

/** A source that is asked by HTTP, over a real one. */
export async function chaoticPages(
  kind: PageKind,
  ports: readonly number[],
): Promise<ChaoticSource> {
  let mood: Mood = "fine";
  let turn = 0;
  const { origin } = await startPages((request, response) => {
    const isWatch = kind.isWatch?.(request) === true;
    if (mood === "hanging") return;
    if (mood === "failing") return turn++ % 2 === 0 ? cut(request) : refuse(response);
    if (mood === "flooding") return flood(response);
    if (mood === "flapping") {
      const next = flaps(ports)[turn++ % flaps(ports).length];
      if (isWatch || next === undefined) {
        response.writeHead(200).write("{");
        return cut(request);
      }
      response.writeHead(200, kind.headers).end(kind.page(next));
      return;
    }
    response.writeHead(200, kind.headers);
    if (isWatch) response.flushHeaders();
    else response.end(kind.page(ports));
  });
  return { discovery: kind.discovery(origin), feel: (next) => (mood = next) };
}

/** In the middle of the answer. */
function cut(request: IncomingMessage): void {
  request.socket.destroy();
}

function refuse(response: ServerResponse): void {
  response.writeHead(500).end("no");
}

/** As fast as the other side reads, without an end. */
function flood(response: ServerResponse): void {
  response.on("error", () => undefined);
  response.writeHead(200);
  const more = (): void => {
    while (!response.destroyed && response.write(junk));
  };
  response.on("drain", more);
  more();
}

/** A server of instances at a Unix socket; it has no stream of events. */
export async function chaoticLxd(path: string, ports: readonly number[]): Promise<ChaoticSource> {
  let mood: Mood = "fine";
  let turn = 0;
  const page = (named: readonly number[]): string =>
    json({
      metadata: named.map((port) => ({
        name: `c${port}`,
        status: "Running",
        config: { "user.port": String(port) },
        state: { network: { eth0: { addresses: [{ family: "inet", address: "127.0.0.1" }] } } },
      })),
    });
  await startPages(
    (request, response) => {
      if (request.url?.startsWith("/1.0/events") === true) return refuse(response);
      if (mood === "hanging") return;
      if (mood === "failing") return refuse(response);
      if (mood === "flooding") return flood(response);
      const next = mood === "fine" ? ports : flaps(ports)[turn++ % flaps(ports).length];
      if (next === undefined) return cut(request);
      response.end(page(next));
    },
    { path },
  );
  const discovery = {
    kind: "lxd",
    serverAddress: `unix:${path}`,
    containerPortKey: "user.port",
  };
  return { discovery, feel: (next) => (mood = next) };
}

/** A name server whose zone is these ports. */
export async function chaoticNames(ports: readonly number[]): Promise<ChaoticSource> {
  let mood: Mood = "fine";
  let turn = 0;
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.on("error", () => undefined);
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    if (mood === "hanging") return;
    const { id = 0, questions = [] } = decode(message);
    const next = mood === "flapping" ? flaps(ports)[turn++ % flaps(ports).length] : ports;
    const answer =
      mood === "failing" || next === undefined
        ? encode({ type: "response", id, flags: 2, questions })
        : encode({ type: "response", id, questions, ...recordsOf(next) });
    const datagrams = mood === "flooding" ? Array.from({ length: 500 }, () => noise) : [answer];
    for (const datagram of datagrams) socket.send(datagram, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const lookupServer = `127.0.0.1:${socket.address().port}`;
  const discovery = { kind: "srv", lookupServer, lookupPattern: "_web._tcp.example." };
  return { discovery, feel: (next) => (mood = next) };
}

const noise = Buffer.alloc(4_096, 0xa5);

function recordsOf(ports: readonly number[]) {
  const target = "one.example";
  return {
    answers: ports.map((port) => ({
      name: "_web._tcp.example",
      type: "SRV" as const,
      ttl: 1,
      data: { port, target, priority: 1, weight: 1 },
    })),
    additionals: [{ name: target, type: "A" as const, ttl: 1, data: "127.0.0.1" }],
  };
}

/** What a command that hangs has started: nobody else's looks the same. */
export function sleeping(ports: readonly number[]): string {
  return `sleep 9${ports.join(".")}`;
}

/** A command in a folder of the test's; `discovery.command` has to be allowed. */
export function chaoticCommand(folder: string, ports: readonly number[]): ChaoticSource {
  const program = join(folder, "backends.sh");
  const lines = (named: readonly number[]): string =>
    named.map((port) => `echo 127.0.0.1:${port}`).join("; ") || ":";
  const texts: Readonly<Record<Mood, string>> = {
    fine: lines(ports),
    failing: "echo 127.0.0.1:1; exit 3",
    // Processes of its own, which nobody waits for.
    hanging: `${sleeping(ports)} & ${sleeping(ports)} & ${sleeping(ports)}`,
    flooding: "while :; do echo 127.0.0.1:1 127.0.0.1:1 127.0.0.1:1; done & yes 127.0.0.1:1",
    flapping: `case $(($(date +%s%N) / 1000 % 5)) in\n${flaps(ports)
      .slice(0, 5)
      .map((named, index) => `${index}) ${named === undefined ? "exit 1" : lines(named)};;`)
      .join("\n")}\nesac`,
  };
  // Put in place whole: half a script would name no backend, and say that this is all.
  const feel = (mood: Mood): void => {
    writeFileSync(join(folder, "next.sh"), texts[mood]);
    renameSync(join(folder, "next.sh"), join(folder, "mood.sh"));
  };
  feel("fine");
  writeFileSync(program, `#!/bin/sh\n. ${join(folder, "mood.sh")}\n`);
  chmodSync(program, 0o755);
  return { discovery: { kind: "exec", command: [program] }, feel };
}
