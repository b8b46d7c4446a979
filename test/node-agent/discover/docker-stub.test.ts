import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { eventually } from "../../support/eventually.ts";
import { page, startPages, type Answer } from "../../support/page-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { otherTestCertificate, testCertificate } from "../../support/test-certificates.ts";
import { loopOver } from "./loop-over.ts";
import { fetchOnce, sourceOf, targetsOf } from "./source-under-test.ts";

type Json = Readonly<Record<string, unknown>>;

function container(fields: Json): Json {
  return { Id: "c0ffee".repeat(8), Labels: {}, Ports: [], ...fields };
}

function row(fields: Json): Json {
  return { IP: "0.0.0.0", PrivatePort: 8080, PublicPort: 9000, Type: "tcp", ...fields };
}

const docker = (endpoint: string, terms: Json = {}): Json => ({
  kind: "docker",
  endpoint,
  containerPrivatePort: 8080,
  ...terms,
});

/** The API, as far as it lists these containers. */
const listing = (containers: readonly Json[]): Answer => page(JSON.stringify(containers));

describe("docker discovery against an API of our own", () => {
  test("F-DKR-01 the API is reached by Unix socket, by tcp and by http", async () => {
    const list = listing([container({ Ports: [row({ IP: "10.1.1.1" })] })]);
    const path = join(await temporaryFolder(onTestFinished), "docker.sock");
    await startPages(list, { path });
    const { origin, requests } = await startPages(list);
    for (const endpoint of [`unix://${path}`, origin, origin.replace("http:", "tcp:")]) {
      expect(targetsOf(await fetchOnce(docker(endpoint)))).toEqual(["10.1.1.1:9000"]);
    }
    expect(requests.length).toBe(2);
  });

  test("name and password go with every question, as HTTP Basic", async () => {
    const { origin, requests } = await startPages(listing([]));
    await fetchOnce(docker(origin, { auth: { username: "u", password: "p" } }));
    await fetchOnce(docker(origin));
    const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([basic, undefined]);
  });

  test("F-DKR-02 the API is asked for running containers with the label", async () => {
    const { origin, requests } = await startPages(listing([]));
    await fetchOnce(docker(origin, { containerLabel: "role=web" }));
    const url = new URL(requests[0]?.url ?? "", origin);
    expect(url.pathname).toBe("/containers/json");
    expect(JSON.parse(url.searchParams.get("filters") ?? "")).toEqual({
      status: ["running"],
      label: ["role=web"],
    });
  });

  test("F-DKR-03 only rows with the private port count, and their public port is used", async () => {
    const ports = [
      row({ IP: "10.1.1.1" }),
      row({ PrivatePort: 81 }),
      row({ IP: "10.1.1.1", PublicPort: 9001 }),
    ];
    const { origin } = await startPages(listing([container({ Ports: ports })]));
    expect(targetsOf(await fetchOnce(docker(origin)))).toEqual(["10.1.1.1:9000", "10.1.1.1:9001"]);
  });

  test("F-DKR-04 the host is the container's variable, else the published address, else the endpoint's", async () => {
    const containers = [
      container({ Id: "with-variable", Ports: [row({ IP: "10.1.1.1" })] }),
      container({ Id: "without", Ports: [row({ IP: "10.1.1.2" })] }),
      container({ Id: "everywhere", Ports: [row({ IP: "0.0.0.0" })] }),
    ];
    const { origin, port } = await startPages((request, response) => {
      const Env = request.url?.includes("with-variable") ? ["A=b", "LB_HOST=10.9.9.9"] : ["A=b"];
      const isList = request.url?.startsWith("/containers/json") === true;
      response.end(JSON.stringify(isList ? containers : { Config: { Env } }));
    });
    const answer = await fetchOnce(docker(origin, { containerHostEnvVar: "LB_HOST" }));
    expect(targetsOf(answer)).toEqual(["10.9.9.9:9000", "10.1.1.2:9000", "127.0.0.1:9000"]);
    expect(port).toBeGreaterThan(0);
  });

  test("F-DKR-05 X-DKR-09 labels give sni, weight, priority and limit", async () => {
    const Labels = {
      sni: "a.test",
      weight: "3",
      "midstream.priority": "2",
      priority: "9",
      max_connections: "7",
    };
    const odd = { weight: "heavy", priority: "-1", sni: "b.test" };
    const { origin } = await startPages(
      listing([
        container({ Labels, Ports: [row({ IP: "10.1.1.1" })] }),
        container({ Labels: odd, Ports: [row({ IP: "10.1.1.2" })] }),
      ]),
    );
    expect(await fetchOnce(docker(origin))).toMatchObject({
      ok: true,
      backends: [
        { sni: "a.test", weight: 3, priority: 2, maxConnections: 7 },
        { sni: "b.test", weight: 1, priority: 1, maxConnections: 0 },
      ],
    });
  });

  test("F-DKR-06 TLS with the client's pair and an authority; half a pair, or a wrong one, is a failure", async () => {
    const list = listing([container({ Ports: [row({ IP: "10.1.1.1" })] })]);
    const { origin } = await startPages(list, {
      tls: { ...testCertificate, clientAuthority: otherTestCertificate.cert },
    });
    const endpoint = origin.replace("https:", "tcp:");
    const rootCa = { pem: testCertificate.cert };
    const pair = { certificate: otherTestCertificate.cert, key: otherTestCertificate.key };
    const tls = { rootCa, clientCertificate: { pem: pair } };
    expect(targetsOf(await fetchOnce(docker(endpoint, { tls })))).toEqual(["10.1.1.1:9000"]);

    const wrongKey = { rootCa, clientCertificate: { pem: { ...pair, key: testCertificate.key } } };
    const noKey = {
      rootCa,
      clientCertificate: { files: { certPath: "/dev/null", keyPath: "/no/key" } },
    };
    for (const bad of [{ rootCa }, { clientCertificate: { pem: pair } }, wrongKey, noKey]) {
      const answer = await fetchOnce(docker(endpoint, { tls: bad }));
      expect(answer.ok).toBe(false);
      expect(JSON.stringify(answer)).not.toContain("PRIVATE");
    }
    const halfAPair = { clientCertificate: { pem: { certificate: pair.certificate } } };
    expect(() => sourceOf(docker(endpoint, { tls: halfAPair }))).toThrow("clientCertificate");
  });

  test("X-DKR-08 IPv6 wildcards are merged, unpublished rows left out, tcp and udp told apart", async () => {
    const containers = [
      container({
        Id: "both",
        Ports: [row({}), row({ IP: "::" }), row({ Type: "udp", PublicPort: 9001 })],
      }),
      container({ Id: "only-exposed", Ports: [{ PrivatePort: 8080, Type: "tcp" }] }),
      container({ Id: "six", Ports: [row({ IP: "::", PublicPort: 9002 })] }),
      container({ Id: "one-six", Ports: [row({ IP: "fd00::1", PublicPort: 9003 })] }),
    ];
    const { origin } = await startPages(listing(containers));
    const answer = await fetchOnce(docker(origin));
    expect(targetsOf(answer)).toEqual(["127.0.0.1:9000", "127.0.0.1:9002", "[fd00::1]:9003"]);
    expect(answer).toMatchObject({
      skipped: { count: 1, detail: "the container only-exposed does not publish its port 8080" },
    });
    const udp = await sourceOf(docker(origin), "udp").fetch(new AbortController().signal);
    expect(targetsOf(udp)).toEqual(["127.0.0.1:9001"]);
  });

  test("X-DKR-07 a container's own address, of one network or any, and the host's with its network", async () => {
    const networks = { front: { IPAddress: "10.2.0.2" }, back: { IPAddress: "10.3.0.2" } };
    const containers = [
      container({ Id: "two", NetworkSettings: { Networks: networks } }),
      container({
        Id: "six",
        NetworkSettings: { Networks: { back: { IPAddress: "", GlobalIPv6Address: "fd00::2" } } },
      }),
      container({ Id: "starting", NetworkSettings: { Networks: { back: { IPAddress: "" } } } }),
      // podman tells null for the host's network.
      container({
        Id: "host",
        HostConfig: { NetworkMode: "host" },
        NetworkSettings: { Networks: null },
      }),
    ];
    const { origin } = await startPages(listing(containers));
    const any = await fetchOnce(docker(origin, { address: "container" }));
    expect(targetsOf(any)).toEqual(["10.2.0.2:8080", "[fd00::2]:8080", "127.0.0.1:8080"]);
    const back = await fetchOnce(docker(origin, { address: "container", network: "back" }));
    expect(targetsOf(back)).toEqual(["10.3.0.2:8080", "[fd00::2]:8080", "127.0.0.1:8080"]);
    // One that has no address yet is looked at again soon.
    expect(back).toMatchObject({ skipped: { count: 1 }, isUnsettled: true });
  });

  test("X-DKR-11 a list that lags behind its events is read again a moment after the last one", async () => {
    let lists = 0;
    let staleLists = Number.POSITIVE_INFINITY;
    const tell: ((event: string) => void)[] = [];
    const { origin } = await startPages((request, response) => {
      if (request.url?.startsWith("/events") === true) {
        response.flushHeaders();
        tell.push((event) => void response.write(event));
        return;
      }
      lists += 1;
      const running = [container({ Ports: [row({ IP: "10.1.1.1" })] })];
      response.end(JSON.stringify(lists <= staleLists ? running : []));
    });
    const watched = loopOver(sourceOf(docker(origin)), { intervalMs: 3_600_000 });
    await eventually(() => watched.loop.status().isWatched === true && lists > 1);
    // The container has died, and the next list still names it.
    staleLists = lists + 1;
    tell[0]?.('{"Action":"die"}\n');
    await eventually(() => expect(watched.targets()).toEqual([]));
    expect(lists).toBe(staleLists + 1);
  });

  test.each([
    ["an error", page('{"message":"hush"}', 500)],
    ["no list", page("{}")],
    ["no JSON", page("hush")],
  ])("%s instead of a list is a failure", async (_, answer) => {
    const { origin } = await startPages(answer);
    const fetched = await fetchOnce(docker(origin));
    expect(fetched.ok).toBe(false);
    expect(JSON.stringify(fetched)).not.toContain("hush");
  });
});
