import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join as joinPath } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { keyIdOf, newKeyPair } from "#shared/snapshot/keys.ts";
import { isSignedBy } from "#shared/snapshot/signature.ts";
import { joinProofValue, joinRequestSchema, type JoinRequest } from "#shared/wire/join.ts";

import { join } from "../../../node-agent/cli/join.ts";
import { readIdentity, readPendingJoin } from "../../../node-agent/control-link/identity.ts";
import { hostDisk, type Disk } from "../../../node-agent/runtime/disk.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const controlKey = newKeyPair("ed25519").publicKey;
const joined = {
  status: 201,
  body: { node: "nod_a", tenant: "ten_a", group: "grp_a", epoch: 3, signingKeys: [controlKey] },
};

describe("join", () => {
  test("makes both keys on the node, proves that it holds them, and keeps them for itself", async () => {
    const { folder, requests, tryJoin } = await setup(() => joined);
    const outcome = await tryJoin({ labels: { zone: "a" } });
    expect(outcome).toMatchObject({ ok: true });
    expect(outcome.text).toContain("node nod_a of group grp_a");

    const [request] = requests;
    if (request === undefined) throw new Error("nothing was asked");
    const trusted = new Map([[keyIdOf(request.signingKey), request.signingKey]]);
    const signature = { keyId: keyIdOf(request.signingKey), value: request.proof };
    const signed = { value: joinProofValue(request), signature };
    expect(isSignedBy(trusted, "midstream.node.v1", signed)).toBe(true);
    expect(request).toMatchObject({ token: "jtk-secret", labels: { zone: "a" } });

    const identity = await readIdentity(hostDisk(), folder);
    expect(identity).toMatchObject({ node: "nod_a", epoch: 3, signingKeys: [controlKey] });
    expect(identity?.signing.publicKey).toBe(request.signingKey);
    expect(identity?.receiving.publicKey).toBe(request.receivingKey);
    expect(JSON.stringify(requests)).not.toContain(identity?.signing.privateKey);
    expect((await stat(joinPath(folder, "identity.json"))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["identity.json"]);
  });

  test("a folder that a node joined in is refused, with what to do, and nothing is asked", async () => {
    const { requests, tryJoin } = await setup(() => joined);
    await tryJoin();
    const again = await tryJoin();
    expect(again.ok).toBe(false);
    expect(again.text).toMatch(/belongs to node nod_a of .* already\. Start it with run/);
    expect(requests.length).toBe(1);
  });

  test.each([
    ["http/join-token-used", 401, "has been used"],
    ["http/join-token-expired", 401, "past its time"],
    ["http/join-token-revoked", 401, "was revoked"],
    ["http/join-token-unknown", 401, "does not know this join token"],
    ["http/node-limit-reached", 409, "as many nodes as it may have"],
    ["http/too-many-requests", 429, "try again in a minute"],
  ])(
    "refused with %s: says so in words, without the token, and leaves nothing behind",
    async (code, status, says) => {
      const { folder, tryJoin } = await setup(() => ({ status, body: { code, detail: "x" } }));
      const outcome = await tryJoin();
      expect(outcome.ok).toBe(false);
      expect(outcome.text).toContain(says);
      expect(outcome.text).not.toContain("jtk-secret");
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test("what else is refused is told in the control plane's words", async () => {
    const { tryJoin } = await setup(() => ({
      status: 422,
      body: { code: "http/invalid", detail: "labels are wrong" },
    }));
    expect((await tryJoin()).text).toContain("status 422: labels are wrong");
  });

  test("nobody there, or somebody else: says who, and that it can be tried again with the same keys", async () => {
    const { folder, tryJoin } = await setup(() => ({ status: 200, body: "<html>" }));
    const other = await tryJoin();
    expect(other.text).toContain("not a control plane of Midstream");
    const keys = await readPendingJoin(hostDisk(), folder);

    const nobody = await tryJoin({ control: new URL("http://127.0.0.1:1") });
    expect(nobody.text).toContain("http://127.0.0.1:1 cannot be reached: ECONNREFUSED");
    expect((await readPendingJoin(hostDisk(), folder))?.signing).toEqual(keys?.signing);
  });

  test("cut off after the token was spent: the keys are there, and the next join says what may have happened", async () => {
    const answers = [joined, { status: 401, body: { code: "http/join-token-used" } }];
    const { folder, requests, tryJoin } = await setup(() => answers[requests.length - 1] ?? joined);
    const disk = hostDisk();
    const cutOff: Disk = {
      ...disk,
      rename: (from, to) =>
        to.endsWith("identity.json") ? Promise.reject(new Error("killed")) : disk.rename(from, to),
    };
    await expect(tryJoin({}, cutOff)).rejects.toThrow("killed");
    expect(await readIdentity(disk, folder)).toBeUndefined();

    const second = await tryJoin();
    expect(second.text).toContain("An earlier join in this folder was cut off");
    expect(second.text).toContain("look for a node of this host that never connected");
    expect(requests[1]?.signingKey).toBe(requests[0]?.signingKey);

    const third = await tryJoin();
    expect(third.ok).toBe(true);
    expect((await readIdentity(disk, folder))?.signing.publicKey).toBe(requests[0]?.signingKey);
    expect(await readPendingJoin(disk, folder)).toBeUndefined();
  });

  test("a damaged identity is never taken for none", async () => {
    const { folder, tryJoin } = await setup(() => joined);
    await hostDisk().write(joinPath(folder, "identity.json"), "{", 0o600);
    await expect(tryJoin()).rejects.toMatchObject({ code: "control-link/bad-identity" });
  });
});

interface Given {
  readonly control?: URL;
  readonly labels?: Readonly<Record<string, string>>;
}

async function setup(answer: () => { readonly status: number; readonly body: unknown }) {
  const folder = await temporaryFolder(onTestFinished);
  const requests: JoinRequest[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (text += chunk));
    request.on("end", () => {
      requests.push(joinRequestSchema.parse(JSON.parse(text)));
      const { status, body } = answer();
      response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
    });
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const control = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const base = { control, token: "jtk-secret", dataFolder: folder, labels: {}, ca: undefined };
  const tryJoin = (given: Given = {}, disk = hostDisk()) => join(disk, { ...base, ...given });
  return { folder, requests, tryJoin };
}
