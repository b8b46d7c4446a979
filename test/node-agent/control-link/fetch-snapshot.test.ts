import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { newKeyPair } from "#shared/snapshot/keys.ts";
import type { RefFrame } from "#shared/wire/control-frames.ts";
import { controlTimeHeader } from "#shared/wire/protocol.ts";

import { fetchSnapshot } from "../../../node-agent/control-link/fetch-snapshot.ts";
import { createNodeSigner } from "../../../node-agent/control-link/node-signer.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const signer = () =>
  createNodeSigner(new FakeClock(), { node: "nod_a", signing: newKeyPair("ed25519") });

test("a node's signature goes to the control plane only, whatever the address looks like", async () => {
  const [control, other] = [await heardServer(404), await heardServer(404)];
  const host = other.url.replace("http:", "");
  for (const address of [`${other.url}/v1/agent/snapshots/x`, `${host}/v1/agent/snapshots/x`]) {
    await expect(fetching(control.url, address)).rejects.toMatchObject({
      code: "control-link/snapshot-refused",
    });
  }
  await expect(fetching(control.url, "/v1/agent/snapshots/x")).rejects.toThrow("404");
  await expect(fetching(control.url, `${control.url}/v1/agent/snapshots/x`)).rejects.toThrow("404");

  expect(other.heard.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  expect(control.heard.every(({ headers }) => headers.authorization !== undefined)).toBe(true);
  expect(control.heard).toHaveLength(2);
});

test("below a base path only what is below it is the control plane", async () => {
  const control = await heardServer(404);
  await expect(fetching(`${control.url}/base`, "/v1/x")).rejects.toThrow("404");
  await expect(fetching(`${control.url}/base`, `${control.url}/other/x`)).rejects.toThrow("404");
  const [own, other] = control.heard;
  expect([own?.url, own?.headers.authorization === undefined]).toEqual(["/base/v1/x", false]);
  expect([other?.url, other?.headers.authorization]).toEqual(["/other/x", undefined]);
});

test("a redirect is not followed", async () => {
  const other = await heardServer(404);
  const control = await heardServer(302, { location: `${other.url}/x` });
  await expect(fetching(control.url, "/v1/x")).rejects.toThrow("302");
  expect(other.heard).toEqual([]);
});

test("what came over https leads to nothing that is readable on the way", async () => {
  const other = await heardServer(404);
  await expect(fetching("https://127.0.0.1:1", `${other.url}/x`)).rejects.toMatchObject({
    code: "control-link/not-a-snapshot",
    message: expect.stringContaining("from https to http"),
  });
  expect(other.heard).toEqual([]);
});

test("only the control plane says what time it is", async () => {
  const [control, other] = [await heardServer(401, inThePast), await heardServer(401, inThePast)];
  const node = signer();
  await expect(fetching(control.url, `${other.url}/x`, node)).rejects.toThrow("401");
  expect([node.offsetMs(), other.heard.length]).toEqual([0, 1]);
  await expect(fetching(control.url, "/v1/x", node)).rejects.toThrow("401");
  expect([node.offsetMs() < 0, control.heard.length]).toEqual([true, 2]);
});

const inThePast = { [controlTimeHeader]: "1000000" };

function fetching(control: string, url: string, node = signer()): Promise<unknown> {
  const deps = { control, ca: undefined, signer: node, generation: () => 1 };
  const ref: RefFrame = {
    t: "ref",
    nonce: "n",
    to: { epoch: 1, rev: 1, root: "0".repeat(64) },
    url,
    bytes: 1,
    signature: { keyId: "k", value: "v" },
  };
  return fetchSnapshot(deps, ref);
}

/** Answers everything with one status, and keeps what it was asked. */
async function heardServer(status: number, headers: Readonly<Record<string, string>> = {}) {
  const heard: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    heard.push(request);
    response.writeHead(status, headers).end();
  };
  const server = createServer(listener).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}
