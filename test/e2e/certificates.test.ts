import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

import { beforeAll, expect, onTestFinished, test } from "vitest";

import { joinNode, startAgent } from "../support/agent-process.ts";
import { controlOnDatabase } from "../support/control-on-database.ts";
import { bothDrivers } from "../support/drivers.ts";
import { eventually } from "../support/eventually.ts";
import { echo, startBackend } from "../support/fake-backend.ts";
import { freePort } from "../support/free-port.ts";
import { issuedCertificate, type IssuedCertificate } from "../support/issued-certificate.ts";
import { nodeIsConnected, startLinkedAgent } from "../support/linked-agent.ts";
import { startPages } from "../support/page-server.ts";
import { createBalancer } from "../support/served-balancers.ts";
import { signUp, type TestTenant } from "../support/tenant-api.ts";
import { testCertificate } from "../support/test-certificates.ts";
import { openClient } from "../support/test-client.ts";

let authority: IssuedCertificate;
beforeAll(async () => {
  authority = await issuedCertificate({ name: "Clients", isAuthority: true });
});

/** A source that only answers who shows a certificate of the authority, and remembers whose it was. */
async function startSource(backend: { readonly port: number }) {
  const shown = new Set<string>();
  const tls = { ...testCertificate, clientAuthority: authority.cert };
  const pages = await startPages(
    (request, response) => {
      const { raw } = (request.socket as TLSSocket).getPeerCertificate();
      shown.add(new X509Certificate(raw).fingerprint256.replaceAll(":", "").toLowerCase());
      response.end(`127.0.0.1:${backend.port}\n`);
    },
    { tls },
  );
  return { origin: pages.origin, shown };
}

interface Shown {
  readonly id: string;
  readonly fingerprint: string;
  readonly receipt?: { readonly nodes: object };
}

async function upload(tenant: TestTenant, pair: IssuedCertificate): Promise<Shown> {
  const body = { name: "agent", certificate: pair.cert, key: pair.key };
  return tenant.demand<Shown>("POST", "/v1/certificates", { body });
}

test("a stored certificate goes sealed to the node that needs it, is renewed under open connections, and its key shows nowhere", async () => {
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(echo);
  const source = await startSource(backend);
  const [first, second] = await Promise.all(
    ["one", "two"].map((name) => issuedCertificate({ name, issuer: authority })),
  );
  if (first === undefined || second === undefined) throw new Error("nothing was issued");
  const certificate = await upload(tenant, first);
  const path = `/v1/certificates/${certificate.id}`;
  const [port, unrelated] = [await freePort(), await freePort()];
  const discovery = {
    kind: "plaintext",
    endpoint: source.origin,
    interval: "100ms",
    tls: {
      rootCa: { pem: testCertificate.cert },
      clientCertificate: { certificate: certificate.id },
    },
  };
  const balancer = await createBalancer(tenant, { port, backends: [], more: { discovery } });
  expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  expect([...source.shown]).toEqual([certificate.fingerprint]);

  const client = await openClient(port);
  client.send("before");
  await client.receives(6);
  const renewed = await tenant.demand<Shown>("PUT", path, {
    headers: { "if-match": "*", prefer: "wait=20" },
    body: { certificate: second.cert, key: second.key },
  });
  expect(renewed.receipt?.nodes).toMatchObject({ expected: 1, serving: 1, failed: 0 });
  await eventually(() => source.shown.has(renewed.fingerprint));
  client.send(" after");
  await client.receives(12);
  expect(client.text()).toBe("before after");

  const refused = await tenant.call<{ code: string; detail: string }>("DELETE", path, {
    headers: { "if-match": "*" },
  });
  expect(refused.body.code).toBe("http/in-use");
  expect(refused.body.detail).toContain(balancer.id);

  // Without a control plane the node starts with what it has, and opens it again.
  await createBalancer(tenant, { port: unrelated, backends: [backend.port] });
  await agent.process.stop();
  source.shown.clear();
  await control.process.stop();
  const again = await startAgent(onTestFinished, agent.dataFolder);
  await eventually(() => source.shown.has(renewed.fingerprint));

  // What is being written has another name a moment later.
  const disk = await eventually(() => filesBelow(agent.dataFolder));
  expect(disk).toContain(certificate.id);
  const outputs = [agent.process, again.process, control.process].map((it) => it.output());
  for (const text of [disk, ...outputs]) {
    for (const line of [first, second].flatMap(({ key }) => key.split("\n").slice(1, -2))) {
      expect(text).not.toContain(line);
    }
  }
});

test("a node is sent no certificate that its group's balancers do not name", async () => {
  const { control } = await controlOnDatabase(onTestFinished);
  const tenant = await signUp(control.url);
  const agent = await startLinkedAgent(onTestFinished, control, tenant);
  const backend = await startBackend(echo);
  const pair = await issuedCertificate({ name: "unused" });
  const certificate = await upload(tenant, pair);
  const port = await freePort();
  const balancer = await createBalancer(tenant, { port, backends: [backend.port] });
  expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
  const disk = await eventually(async () => {
    const text = await filesBelow(agent.dataFolder);
    expect(text).toContain(balancer.id);
    return text;
  });
  expect(disk).not.toContain(certificate.id);
});

test.for(await bothDrivers())(
  "a balancer that shows a stored certificate is verified by its clients, shows the next one once it is renewed, and cuts nobody ($driver)",
  async ({ driver, missing }, { skip }) => {
    if (missing !== undefined) return skip(missing);
    const { control } = await controlOnDatabase(onTestFinished);
    const tenant = await signUp(control.url);
    const folder = await joinNode(onTestFinished, control, tenant);
    await startAgent(onTestFinished, folder, ["--relay", driver]);
    await nodeIsConnected(tenant);
    const backend = await startBackend(echo);
    const [first, second] = await Promise.all(
      [0, 1].map(() => issuedCertificate({ name: "shop.example.com", issuer: authority })),
    );
    if (first === undefined || second === undefined) throw new Error("nothing was issued");
    const certificate = await upload(tenant, first);
    const port = await freePort();
    const more = {
      protocol: "tls",
      tls: { certificates: [{ certificate: certificate.id }] },
    };
    const balancer = await createBalancer(tenant, { port, backends: [backend.port], more });
    expect(balancer.receipt.nodes).toMatchObject({ serving: 1, failed: 0 });
    const ca = authority.cert;
    const open = (): Promise<TLSSocket> => openTls({ port, ca, servername: "shop.example.com" });
    const before = await open();
    expect(fingerprintOf(before)).toBe(certificate.fingerprint);
    const renewed = await tenant.demand<Shown>("PUT", `/v1/certificates/${certificate.id}`, {
      headers: { "if-match": "*", prefer: "wait=20" },
      body: { certificate: second.cert, key: second.key },
    });
    expect(renewed.receipt?.nodes).toMatchObject({ expected: 1, serving: 1, failed: 0 });
    await eventually(async () => fingerprintOf(await open()) === renewed.fingerprint);
    const echoed = once(before, "data");
    before.write("still here");
    expect(String((await echoed)[0])).toBe("still here");
  },
);

/** Every file of an agent's folder, one after the other, but its compiled code: that comes and goes. */
async function filesBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) => entry.isFile() && !entry.parentPath.includes("/compiled"),
  );
  const texts = await Promise.all(
    files.map(({ parentPath, name }) => readFile(join(parentPath, name), "utf8")),
  );
  return texts.join("\n");
}

async function openTls(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", ...options });
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

function fingerprintOf(socket: TLSSocket): string {
  const { raw } = socket.getPeerCertificate();
  return new X509Certificate(raw).fingerprint256.replaceAll(":", "").toLowerCase();
}
