import { join } from "node:path";

import { describe, expect, onTestFinished, test, type TestContext } from "vitest";

import { startDns } from "../../support/dns-server.ts";
import { page, startPages } from "../../support/page-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { fetchOnce, targetsOf } from "./source-under-test.ts";

type Json = Readonly<Record<string, unknown>>;

const html = `<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><h1>The service behind this address is away</h1></body></html>
`;

/** A page with this text, asked by a source of this kind. */
async function asked(which: (origin: string) => Json, text: string, terms: Json = {}) {
  const { origin } = await startPages(page(text));
  return fetchOnce({ ...which(origin), ...terms });
}

const plaintext = (endpoint: string): Json => ({ kind: "plaintext", endpoint });
const json = (endpoint: string): Json => ({ kind: "json", endpoint });
const consul = (origin: string): Json => ({
  kind: "consul",
  host: new URL(origin).host,
  serviceName: "web",
});
const docker = (endpoint: string): Json => ({
  kind: "docker",
  endpoint,
  containerPrivatePort: 80,
});
const etcd = (endpoint: string): Json => ({ kind: "etcd", endpoint, prefix: "/web/" });
const kubernetes = (apiServer: string): Json => ({
  kind: "kubernetes",
  apiServer,
  serviceName: "web",
});
const exec = (text: string): Json => ({ kind: "exec", command: ["/bin/sh", "-c", text] });

const container = (terms: Json): string => JSON.stringify([{ Id: "c1", Labels: {}, ...terms }]);
const key = (value: string): string =>
  JSON.stringify({ kvs: [{ key: "L3dlYi8x", value: Buffer.from(value).toString("base64") }] });

describe("an answer that names entries of which none can be used is a failure", () => {
  test.each([
    ["plaintext", "an error page with status 200", plaintext, html],
    ["plaintext", "an empty JSON list", plaintext, "[]"],
    ["plaintext", "lines without a port", plaintext, "10.0.0.1\n10.0.0.2\n"],
    ["json", "hosts that are none", json, '[{"host": "not a host", "port": 80}]'],
    [
      "json",
      "ports that are none",
      json,
      '[{"host": "a", "port": 70000}, {"host": "b", "port": 0}]',
    ],
    ["consul", "instances that are none", consul, '[{"Service": "web"}, null, 7]'],
    [
      "consul",
      "instances without a port",
      consul,
      '[{"Node":{"Address":"10.0.0.1"},"Service":{"Address":"","Port":0}}]',
    ],
    ["etcd", "keys that hold no backend", etcd, key("<html>")],
    [
      "kubernetes",
      "slices that are none",
      kubernetes,
      '{"metadata":{"resourceVersion":"7"},"items":[{"a":1}]}',
    ],
  ])("%s: %s", async (_, __, which, text) => {
    for (const terms of [{}, { emptyAnswer: "accept" }]) {
      expect(await asked(which, text, terms)).toMatchObject({
        ok: false,
        code: "unusable",
        detail: expect.stringMatching(/^it names \d+, and none can be used: ./),
      });
    }
  });

  test("exec: a command that prints an error and ends as if all were well", async () => {
    const answer = await fetchOnce(exec("echo 'Error: the inventory cannot be reached'"));
    expect(answer).toMatchObject({ ok: false, code: "unusable" });
  });

  test("docker: containers that have the label and no such port; without a label they are others'", async () => {
    const text = container({ Ports: [{ PrivatePort: 81, PublicPort: 81, Type: "tcp" }] });
    const labelled = await asked(docker, text, { containerLabel: "role=web" });
    expect(labelled).toMatchObject({ ok: false, code: "unusable", isAnswered: true });
    expect(await asked(docker, text)).toMatchObject({
      ok: true,
      backends: [],
      skipped: { count: 1 },
    });
    expect(await asked(docker, text, { emptyAnswer: "fail" })).toMatchObject({
      ok: false,
      code: "empty",
      detail: expect.stringContaining("does not publish its port 80"),
    });
  });

  test("docker: a container whose address is about to come is asked for again soon", async () => {
    const terms = { address: "container", containerLabel: "role=web" };
    expect(await asked(docker, container({}), terms)).toMatchObject({
      ok: false,
      code: "unusable",
      isUnsettled: true,
    });
  });

  test("what can be used is taken, and the rest is told", async () => {
    const answer = await asked(plaintext, `${html}10.0.0.1:80\n`);
    expect(targetsOf(answer)).toEqual(["10.0.0.1:80"]);
    expect(answer).toMatchObject({ skipped: { count: 3 } });
  });
});

describe("an answer that is not what was asked for, or half of it, is a failure", () => {
  test.each([
    ["json", "nothing", json, ""],
    ["json", "an error page with status 200", json, html],
    ["json", "half an array", json, '[{"host": "a", "port": 80}, {"ho'],
    ["consul", "nothing", consul, ""],
    ["consul", "an error page with status 200", consul, html],
    ["consul", "half a list", consul, '[{"Node": {"Addr'],
    ["docker", "nothing", docker, ""],
    ["docker", "half a list", docker, '[{"Id": "c1", "Por'],
    ["etcd", "an error page with status 200", etcd, html],
    ["kubernetes", "nothing", kubernetes, ""],
  ])("%s: %s", async (_, __, which, text) => {
    for (const terms of [{}, { emptyAnswer: "accept" }]) {
      expect(await asked(which, text, terms)).toMatchObject({ ok: false, code: "bad-answer" });
    }
  });

  test.each([
    ["plaintext", plaintext, "10.0.0.1:80\n"],
    ["json", json, '[{"host": "a", "port": 80}]'],
  ])(
    "%s: a page that is cut in the middle, with and without its length",
    async (_, which, text) => {
      const { origin } = await startPages((request, response) => {
        const length = { "content-length": "1000" };
        response.writeHead(200, request.url === "/known" ? length : {});
        response.write(text, () => request.socket.destroy());
      });
      for (const path of ["/known", "/unknown"]) {
        const answer = await fetchOnce({ ...which(`${origin}${path}`), emptyAnswer: "accept" });
        expect(answer).toMatchObject({ ok: false, code: "unreachable" });
      }
    },
  );
});

describe("an answer without any entry", () => {
  const empty = { ok: false, code: "empty", detail: "it names no backend", isAnswered: true };
  const accepted = { ok: true, backends: [] };

  test.each([
    ["plaintext", "no text", plaintext, ""],
    ["plaintext", "blank lines", plaintext, " \r\n\n"],
    ["json", "an empty array", json, "[]"],
  ])("of %s, %s, is a failure unless the definition accepts it", async (_, __, which, text) => {
    expect(await asked(which, text)).toEqual(empty);
    expect(await asked(which, text, { emptyAnswer: "accept" })).toEqual(accepted);
  });

  test("of exec, nothing printed, is a failure unless the definition accepts it", async () => {
    expect(await fetchOnce(exec(":"))).toEqual(empty);
    expect(await fetchOnce({ ...exec(":"), emptyAnswer: "accept" })).toEqual(accepted);
  });

  test.each([
    ["docker", docker, "[]"],
    ["consul", consul, "[]"],
    ["etcd", etcd, "{}"],
    ["kubernetes", kubernetes, '{"metadata":{"resourceVersion":"7"},"items":[]}'],
  ])(
    "of %s, an empty list, is an answer unless the definition makes it a failure",
    async (_, which, text) => {
      expect(await asked(which, text)).toEqual(accepted);
      expect(await asked(which, text, { emptyAnswer: "fail" })).toEqual(empty);
    },
  );

  test("of lxd, an empty list, is an answer unless the definition makes it a failure", async () => {
    const { socket } = await lxdWith([]);
    const lxd = { kind: "lxd", serverAddress: `unix:${socket}`, containerPort: 80 };
    expect(await fetchOnce(lxd)).toEqual(accepted);
    expect(await fetchOnce({ ...lxd, emptyAnswer: "fail" })).toEqual(empty);
  });

  test("of lxd instances without the port's key none is meant; with a port that is none one is", async () => {
    const other = await lxdWith([{ name: "db", status: "Running" }]);
    const wrong = await lxdWith([{ name: "web", status: "Running", config: { "user.port": "x" } }]);
    const lxd = (socket: string): Json => ({
      kind: "lxd",
      serverAddress: `unix:${socket}`,
      containerPortKey: "user.port",
    });
    expect(await fetchOnce(lxd(other.socket))).toMatchObject({ ok: true, backends: [] });
    expect(await fetchOnce(lxd(wrong.socket))).toMatchObject({ ok: false, code: "unusable" });
  });

  test("of srv, a name without SRV records or only the root as a target, is a failure unless the definition accepts it", async (context) => {
    const dns = await knot(context, "_web._tcp A 10.0.0.1\n_none._tcp SRV 0 0 0 .");
    for (const name of ["_web._tcp.example.", "_none._tcp.example."]) {
      const srv = { kind: "srv", lookupServer: dns.address, lookupPattern: name };
      expect(await fetchOnce(srv)).toEqual(empty);
      expect(await fetchOnce({ ...srv, emptyAnswer: "accept" })).toEqual(accepted);
      // Who takes a name that does not exist for no backends takes this for it all the more.
      expect(await fetchOnce({ ...srv, nxdomain: "empty" })).toEqual(accepted);
    }
  });
});

async function knot(context: TestContext, zone: string) {
  const search = await startDns(onTestFinished, zone);
  if (search.kind === "none") return context.skip(search.why);
  return search.dns;
}

async function lxdWith(metadata: readonly Json[]): Promise<{ readonly socket: string }> {
  const socket = join(await temporaryFolder(onTestFinished), "lxd.socket");
  await startPages(page(JSON.stringify({ metadata })), { path: socket });
  return { socket };
}
