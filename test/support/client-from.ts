import { connect } from "node:net";

import { onTestFinished } from "vitest";

import { TestClient } from "./test-client.ts";

/** A client of loopback with an address of its own: all of 127.0.0.0/8 is this host (Linux). */
export async function openClientFrom(localAddress: string, port: number): Promise<TestClient> {
  const host = localAddress.includes(":") ? "::1" : "127.0.0.1";
  const socket = connect({ host, port, localAddress, allowHalfOpen: true, noDelay: true });
  const client = new TestClient(socket);
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return client;
}

/** Connects, ends, and returns all that came until the end. */
export async function askFrom(localAddress: string, port: number): Promise<string> {
  const client = await openClientFrom(localAddress, port);
  client.finish();
  await client.isOver();
  client.socket.destroy();
  return client.text();
}
