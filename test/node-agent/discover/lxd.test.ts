import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import {
  afterAll,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  test,
  type TestContext,
} from "vitest";

import { eventually } from "../../support/eventually.ts";
import { startLxd, type LaunchOptions, type Lxd, type LxdSearch } from "../../support/lxd.ts";
import { page, startPages } from "../../support/page-server.ts";
import type { Cleanup } from "../../support/processes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { otherTestCertificate } from "../../support/test-certificates.ts";
import { loopOver } from "./loop-over.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

const cleanups: (() => Promise<void>)[] = [];
const cleanup: Cleanup = (run) => cleanups.push(run);
let search: LxdSearch;

beforeAll(async () => {
  search = await startLxd(cleanup);
});

afterAll(async () => {
  for (const run of cleanups.toReversed()) await run();
});

function found(context: TestContext): Lxd {
  return search.kind === "none" ? context.skip(search.why) : search.lxd;
}

async function launch(lxd: Lxd, name: string, options: LaunchOptions): Promise<void> {
  onTestFinished(async () => {
    await lxd.run(["delete", "--force", name]);
  });
  await lxd.launch(name, options);
}

function discovery(lxd: Lxd, terms: Readonly<Record<string, unknown>> = {}) {
  return { kind: "lxd", serverAddress: `unix:${lxd.socket}`, containerPort: 80, ...terms };
}

/** Containers take a moment to give themselves their addresses. */
function targetsWithin(source: Readonly<Record<string, unknown>>, expected: readonly string[]) {
  return eventually(
    async () => expect(targetsOf(await fetchOnce(source)).toSorted()).toEqual(expected),
    { everyMs: 100 },
  );
}

describe("lxd discovery from a real server", () => {
  test("F-LXD-02 only running containers with the key, and with the value when one is given", async (context) => {
    const lxd = found(context);
    await launch(lxd, "web-1", { addresses: ["10.214.0.1/24"], config: ["user.role=web"] });
    await launch(lxd, "db-1", { addresses: ["10.214.0.2/24"], config: ["user.role=db"] });
    await launch(lxd, "plain", { addresses: ["10.214.0.3/24"] });
    await launch(lxd, "stopped", { addresses: ["10.214.0.4/24"], config: ["user.role=web"] });
    await lxd.run(["stop", "--force", "stopped"]);
    await targetsWithin(discovery(lxd), ["10.214.0.1:80", "10.214.0.2:80", "10.214.0.3:80"]);
    const keyed = { containerLabelKey: "user.role" };
    await targetsWithin(discovery(lxd, keyed), ["10.214.0.1:80", "10.214.0.2:80"]);
    const valued = { ...keyed, containerLabelValue: "web" };
    await targetsWithin(discovery(lxd, valued), ["10.214.0.1:80"]);
  });

  test("F-LXD-03 keys of a container override port and interface, and give its name", async (context) => {
    const lxd = found(context);
    const config = ["user.port=81", "user.interface=lo", "user.sni=a.test"];
    await launch(lxd, "own-keys", { addresses: ["10.214.0.1/24"], config });
    await launch(lxd, "no-keys", { addresses: ["10.214.0.2/24"] });
    const keys = {
      containerPortKey: "user.port",
      containerInterfaceKey: "user.interface",
      containerSniKey: "user.sni",
    };
    await targetsWithin(discovery(lxd, keys), ["10.214.0.2:80", "127.0.0.1:81"]);
    const answer = await fetchOnce(discovery(lxd, keys));
    expect(answer).toMatchObject({
      backends: expect.arrayContaining([
        expect.objectContaining({ host: "127.0.0.1", sni: "a.test" }),
      ]),
    });
  });

  test("F-LXD-04 IPv4, or IPv6 in brackets; a container without an address is left out and asked for again soon", async (context) => {
    const lxd = found(context);
    await launch(lxd, "both", { addresses: ["10.214.0.1/24", "fd42::1/64"] });
    await launch(lxd, "none", {});
    await targetsWithin(discovery(lxd), ["10.214.0.1:80"]);
    await targetsWithin(discovery(lxd, { containerAddressType: "IPv6" }), ["[fd42::1]:80"]);
    expect(await fetchOnce(discovery(lxd))).toMatchObject({
      skipped: { count: 1, detail: "the instance none has no IPv4 address" },
      isUnsettled: true,
    });
  });

  test("X-LXD-06 a container without a usable port is left out and told, and nobody there crashes nothing", async (context) => {
    const lxd = found(context);
    await launch(lxd, "no-port", { addresses: ["10.214.0.1/24"], config: ["user.port=0"] });
    await launch(lxd, "with-port", { addresses: ["10.214.0.2/24"], config: ["user.port=82"] });
    const { containerPort: _, ...keyed } = discovery(lxd, { containerPortKey: "user.port" });
    await targetsWithin(keyed, ["10.214.0.2:82"]);
    expect(await fetchOnce(keyed)).toMatchObject({
      skipped: { count: 1, detail: "the instance no-port has no usable port" },
    });
    for (const serverAddress of ["unix:/no/such.socket", "https://127.0.0.1:1"]) {
      const configDirectory = await temporaryFolder(onTestFinished);
      const making = { configDirectory, generateClientCerts: true, acceptServerCert: true };
      const answer = await fetchOnce(discovery(lxd, { serverAddress, ...making }));
      expect(answer).toMatchObject({ ok: false, code: "unreachable" });
    }
  });

  test("a container that starts or stops shows without waiting for the interval, by lifecycle events", async (context) => {
    const lxd = found(context);
    const terms = { containerLabelKey: "user.watched" };
    const watched = loopOver(sourceOf(discovery(lxd, terms)), { intervalMs: 3_600_000 });
    await eventually(() => watched.loop.status().isWatched === true);
    await launch(lxd, "watched", { addresses: ["10.214.0.9/24"], config: ["user.watched=1"] });
    await eventually(() => expect(watched.targets()).toEqual(["10.214.0.9:80"]));
    await lxd.run(["stop", "--force", "watched"]);
    await eventually(() => expect(watched.targets()).toEqual([]));
  });

  test("F-LXD-01 F-LXD-05 by https: a certificate is made, the server's accepted, and trust gained by password", async (context) => {
    const lxd = found(context);
    const port = await lxd.listen(onTestFinished, "hush");
    await launch(lxd, "remote", { addresses: ["10.214.0.1/24"] });
    await targetsWithin(discovery(lxd), ["10.214.0.1:80"]);
    const folder = await temporaryFolder(onTestFinished);
    const remote = {
      serverAddress: `https://127.0.0.1:${port}`,
      serverRemoteName: "far",
      configDirectory: join(folder, "lxc"),
    };
    const trusting = { ...remote, generateClientCerts: true, acceptServerCert: true };
    const ask = (terms: Readonly<Record<string, unknown>>) => fetchOnce(discovery(lxd, terms));

    // Nothing is made, accepted or trusted that nobody asked for.
    expect(await ask(remote)).toMatchObject({ ok: false, code: "bad-file" });
    expect(await ask({ ...remote, generateClientCerts: true })).toMatchObject({ code: "tls" });
    expect(await ask(trusting)).toMatchObject({ ok: false, code: "untrusted" });
    const wrong = await ask({ ...trusting, serverRemotePassword: "secret-but-wrong" });
    expect(wrong).toMatchObject({ ok: false, code: "bad-status" });
    expect(JSON.stringify(wrong)).not.toContain("secret-but-wrong");

    expect(targetsOf(await ask({ ...trusting, serverRemotePassword: "hush" }))).toEqual([
      "10.214.0.1:80",
    ]);
    const key = join(remote.configDirectory, "client.key");
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(join(remote.configDirectory, "client.crt"), "utf8")).toContain(
      "BEGIN CERTIFICATE",
    );

    // From now on files and trust are there, and neither password nor options are needed.
    const before = await readFile(key, "utf8");
    expect(targetsOf(await ask(remote))).toEqual(["10.214.0.1:80"]);
    expect(await readFile(key, "utf8")).toBe(before);
    const watched = loopOver(sourceOf(discovery(lxd, remote)), { intervalMs: 3_600_000 });
    await eventually(() => watched.loop.status().isWatched === true);

    // Another server that answers there is not the one that was accepted.
    const impostor = await startPages(page('{"metadata": []}'), { tls: otherTestCertificate });
    expect(await ask({ ...remote, serverAddress: impostor.origin })).toMatchObject({ code: "tls" });
    expect(impostor.requests).toEqual([]);
  });
});
