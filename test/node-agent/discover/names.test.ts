import { createSocket } from "node:dgram";
import { once } from "node:events";

import { decode, encode } from "dns-packet";
import { expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { createSource } from "../../../node-agent/discover/create-source.ts";
import type { Fetched } from "../../../node-agent/discover/discovery.ts";
import { NameLookup } from "../../../node-agent/runtime/name-lookup.ts";
import { page, startPages } from "../../support/page-server.ts";
import { definedSource, sourceDeps, targetsOf } from "./source-under-test.ts";

/** Asks a source whose name the agent's own lookup has to find. */
function ask(discovery: Readonly<Record<string, unknown>>): Promise<Fetched> {
  const clock = systemClock();
  const lookup = new NameLookup({ clock }).forSockets;
  const source = createSource(
    { ...sourceDeps, clock, lookup, transport: "tcp" },
    definedSource(discovery),
  );
  return source.fetch(AbortSignal.timeout(10_000));
}

test("sources are found by name, over TCP and over UDP, without a thread", async () => {
  const pages = await startPages(page("10.0.0.1:80"));
  const endpoint = `http://localhost:${pages.port}/`;
  expect(targetsOf(await ask({ kind: "plaintext", endpoint }))).toEqual(["10.0.0.1:80"]);

  const socket = createSocket("udp4");
  socket.on("message", (bytes, { port, address }) => {
    const { id = 0, questions = [] } = decode(bytes);
    const name = "_web._tcp.example";
    const answer = encode({
      type: "response",
      id,
      questions,
      answers: [{ type: "SRV", name, data: { target: "a", port: 81 } }],
      additionals: [{ type: "A", name: "a", data: "10.0.0.2" }],
    });
    socket.send(answer, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  const lookupServer = `localhost:${socket.address().port}`;
  const srv = { kind: "srv", lookupServer, lookupPattern: "_web._tcp.example." };
  expect(targetsOf(await ask(srv))).toEqual(["10.0.0.2:81"]);
});

test("a source whose name nobody knows is a failure", async () => {
  for (const discovery of [
    { kind: "plaintext", endpoint: "http://no-such-host.invalid/" },
    { kind: "srv", lookupServer: "no-such-host.invalid:53", lookupPattern: "a.example." },
    { kind: "consul", host: "no-such-host.invalid:8500", serviceName: "web" },
  ]) {
    expect(await ask(discovery)).toMatchObject({ ok: false, code: "unreachable" });
  }
});
