import { expect, test } from "vitest";

import { checkWritten } from "#shared/validation/check-written.ts";

import { minimalBalancer } from "../definition/full-definitions.ts";
import { fullDiscoveries, minimalDiscoveries } from "../definition/full-discoveries.ts";
import { codesOf, stored } from "./checking.ts";

/** Every problem of a definition that is written, or of which a part is, as `pointer code`. */
function writtenCodes(raw: unknown, part = ""): readonly string[] {
  const checked = checkWritten(raw, { part });
  return checked.ok ? [] : checked.problems.map(({ pointer, code }) => `${pointer} ${code}`);
}

test("a name or a password in a URL is refused where it stands, names the field for it and is not quoted", () => {
  const { auth: _, bearerToken: __, ...json } = fullDiscoveries["json"] ?? {};
  const cases = [
    ["auth {username", { ...json, endpoint: "http://user:hush@a.test/" }],
    ["auth {username", { ...fullDiscoveries["docker"], endpoint: "tcp://user:hush@a.test:2375" }],
    ["auth {username", { ...fullDiscoveries["etcd"], endpoint: "http://user:hush@a.test/" }],
    ["bearerToken", { ...fullDiscoveries["kubernetes"], apiServer: "https://:hush@a.test/" }],
    ["credentials", { ...fullDiscoveries["ec2"], endpoint: "https://hush@a.test/" }],
    ["configDirectory", { ...fullDiscoveries["lxd"], serverAddress: "https://u:hush@a.test" }],
  ] as const;
  for (const [help, discovery] of cases) {
    const field = "apiServer" in discovery ? "apiServer" : "endpoint";
    const place = "serverAddress" in discovery ? "serverAddress" : field;
    const alone = checkWritten(minimalBalancer({ discovery }));
    const problem = {
      pointer: `/discovery/${place}`,
      code: "conflict",
      detail: expect.stringContaining(help),
    };
    expect(alone).toEqual({ ok: false, problems: [problem] });
    expect(JSON.stringify(alone)).not.toContain("hush");
    const among = { kind: "multi", sources: [minimalDiscoveries["static"], discovery] };
    expect(writtenCodes(minimalBalancer({ discovery: among }))).toEqual([
      `/discovery/sources/1/${place} conflict`,
    ]);
    // It may be stored from before.
    expect(codesOf(minimalBalancer({ discovery }))).toEqual([]);
  }
});

test("a source that names its Authorization twice is refused where the second one stands", () => {
  const auth = { username: "u", password: "p" };
  const headers = [
    { name: "X-Key", value: "k" },
    { name: "authorization", value: "Bearer x" },
  ];
  const codesWith = (terms: object): readonly string[] =>
    writtenCodes(
      minimalBalancer({ discovery: { kind: "json", endpoint: "http://a.test/", ...terms } }),
    );
  expect(codesWith({ auth, bearerToken: "t" })).toEqual(["/discovery/bearerToken conflict"]);
  expect(codesWith({ auth, headers })).toEqual(["/discovery/headers/1/name conflict"]);
  expect(codesWith({ bearerToken: "t", headers })).toEqual(["/discovery/headers/1/name conflict"]);
  for (const terms of [{ auth }, { bearerToken: "t" }, { headers }]) {
    expect(codesWith(terms)).toEqual([]);
  }
  stored(minimalBalancer({ discovery: fullDiscoveries["plaintext"] }));
});

test("a range of statuses that holds none is refused, and one that is stored is still read", () => {
  const withStatuses = (...expectedStatuses: string[]): object =>
    minimalBalancer({ healthcheck: { kind: "http", expectedStatuses } });
  expect(writtenCodes(withStatuses("200", "299-200", "500-599"))).toEqual([
    "/healthcheck/expectedStatuses/1 out-of-range",
  ]);
  expect(writtenCodes(withStatuses("200-200"))).toEqual([]);
  stored(withStatuses("299-200"));
});

test("statuses that no answer ends with are refused where they stand, and so are none at all", () => {
  const withStatuses = (expectedStatuses: readonly unknown[]): object =>
    minimalBalancer({ healthcheck: { kind: "http", expectedStatuses } });
  expect(writtenCodes(withStatuses(["200", "100", "101-199", "100-200", "599"]))).toEqual([
    "/healthcheck/expectedStatuses/1 out-of-range",
    "/healthcheck/expectedStatuses/2 out-of-range",
  ]);
  for (const text of ["600", "000", "99", "200-600", "2xx", "200-"]) {
    expect(writtenCodes(withStatuses(["200", text])), text).toEqual([
      "/healthcheck/expectedStatuses/1 invalid-format",
    ]);
  }
  expect(writtenCodes(withStatuses([]))).toEqual(["/healthcheck/expectedStatuses out-of-range"]);
  stored(withStatuses(["100"]));
});

test("fails and passes below 1 are refused", () => {
  for (const count of [0, -1]) {
    const healthcheck = { kind: "ping", fails: count, passes: count };
    expect(writtenCodes(minimalBalancer({ healthcheck }))).toEqual([
      "/healthcheck/fails out-of-range",
      "/healthcheck/passes out-of-range",
    ]);
  }
});

test("a managed backend's drainTimeout belongs to the state draining", () => {
  const codesWith = (terms: object): readonly string[] =>
    writtenCodes(
      minimalBalancer({
        managedBackends: [
          { host: "10.0.0.5", port: 80 },
          { host: "10.0.0.6", port: 80, drainTimeout: "1m", ...terms },
        ],
      }),
    );
  expect(codesWith({ state: "draining" })).toEqual([]);
  for (const terms of [{}, { state: "enabled" }, { state: "disabled" }, { state: "cut" }]) {
    expect(codesWith(terms)).toEqual(["/managedBackends/1/drainTimeout conflict"]);
  }
  for (const [drainTimeout, code] of [
    ["576h", undefined],
    ["576h1ms", "out-of-range"],
    ["-1s", "invalid-duration"],
    ["1 minute", "invalid-duration"],
    [60, "invalid-type"],
  ]) {
    const expected = code === undefined ? [] : [`/managedBackends/1/drainTimeout ${code}`];
    expect(codesWith({ state: "draining", drainTimeout }), String(drainTimeout)).toEqual(expected);
  }
});

test("what is wrong in a section does not hide what is refused in another", () => {
  const raw = minimalBalancer({
    protocol: "sctp",
    discovery: { kind: "json", endpoint: "http://user:hush@a.test/" },
  });
  expect(writtenCodes(raw)).toEqual(["/protocol unknown-value", "/discovery/endpoint conflict"]);
});

test("a listed backend that is the balancer itself is refused where it stands, and told by which bind", () => {
  const looping = [
    ["127.0.0.1:20670", "127.0.0.1"],
    ["127.0.0.1:20670", "localhost"],
    ["127.0.0.1:20600-20700", "0.0.0.0"],
    [":20670", "127.0.0.9"],
    ["0.0.0.0:20670", "::ffff:127.0.0.1"],
    ["[::]:20670", "::1"],
    ["[2001:db8::1]:20670", "2001:DB8:0::1"],
    ["10.0.0.1:20670", "10.0.0.1"],
  ] as const;
  for (const protocol of ["udp", "tcp"] as const) {
    for (const [bind, host] of looping) {
      const backends = [
        { host: "10.9.9.9", port: 20_670 },
        { host, port: 20_670 },
      ];
      const raw = looped({ protocol, bind: [bind], backends });
      expect(checkWritten(raw)).toEqual({
        ok: false,
        problems: [
          {
            pointer: "/discovery/backends/1",
            code: "conflict",
            detail: expect.stringContaining(bind),
          },
        ],
      });
      // It may be stored from before.
      expect(codesOf(raw)).toEqual([]);
    }
  }
});

test("a Unix socket leads back too, and so does a managed backend, unless it is taken out of service", () => {
  const backends = [{ host: "unix:/run/own.sock", port: 0 }];
  expect(writtenCodes(looped({ bind: ["unix:/run/own.sock"], backends }))).toEqual([
    "/discovery/backends/0 conflict",
  ]);
  const elsewhere = [{ host: "10.9.9.9", port: 80 }];
  const managed = (more: object): object => ({
    ...looped({ bind: [":20670"], backends: elsewhere }),
    managedBackends: [{ host: "localhost", port: 20_670, ...more }],
  });
  expect(writtenCodes(managed({}))).toEqual(["/managedBackends/0 conflict"]);
  expect(writtenCodes(managed({ state: "disabled" }))).toEqual([]);
  expect(writtenCodes(managed({ override: true }))).toEqual([]);
});

test("when a part is written, what is stored around it is judged as what is stored", () => {
  const raw = {
    ...minimalBalancer({
      bind: [":20670"],
      discovery: { kind: "json", endpoint: "http://user:hush@a.test/" },
    }),
    managedBackends: [
      { host: "localhost", port: 20_670 },
      { host: "10.9.9.9", port: 80 },
      ...Array.from({ length: 9 }, (_, index) => ({ host: "127.0.0.1", port: 81 + index })),
      { host: "127.0.0.9", port: 20_670, drainTimeout: "1m" },
    ],
  };
  expect(writtenCodes(raw, "/managedBackends/1")).toEqual([]);
  expect(writtenCodes(raw, "/managedBackends/11").toSorted()).toEqual([
    "/managedBackends/11 conflict",
    "/managedBackends/11/drainTimeout conflict",
  ]);
  expect(writtenCodes({ ...raw, protocol: "sctp" }, "/managedBackends/1")).toEqual([
    "/protocol unknown-value",
  ]);
});

test("a backend at another port or address than the balancer's is none of its own", () => {
  const others = [
    ["127.0.0.1:20670", "127.0.0.1", 20_671],
    ["127.0.0.1:20670", "127.0.0.2", 20_670],
    ["127.0.0.1:20670", "::1", 20_670],
    [":20670", "10.0.0.1", 20_670],
    [":20670", "backend.test", 20_670],
    ["interface:lo:20670", "127.0.0.1", 20_670],
  ] as const;
  for (const [bind, host, port] of others) {
    expect(writtenCodes(looped({ bind: [bind], backends: [{ host, port }] }))).toEqual([]);
  }
});

interface Looped {
  readonly protocol?: string;
  readonly bind: readonly string[];
  readonly backends: readonly object[];
}

function looped({ backends, ...given }: Looped): object {
  const limits = { clientIdleTimeout: "60s" };
  return minimalBalancer({ ...given, limits, discovery: { kind: "static", backends } });
}

test("a udp balancer that would listen on a Unix socket is refused at that bind", () => {
  const bind = ["192.0.2.1:53", "unix:/run/dns.sock"];
  const limits = { clientIdleTimeout: "10s" };
  const written = minimalBalancer({ protocol: "udp", bind, limits });
  expect(writtenCodes(written)).toEqual(["/bind/1 conflict"]);
  expect(writtenCodes({ ...written, bind: bind.slice(0, 1) })).toEqual([]);
  expect(writtenCodes({ ...written, protocol: "tcp" })).toEqual([]);
  // It may be stored from before.
  expect(codesOf(written)).toEqual([]);
});

test("F-ACL-05 a network with a zone is refused in access rules and among trusted proxies", () => {
  const zoned = ["fe80::1%lo", "fe80::%eth0/64"];
  const raw = withNetworks("10.0.0.0/8", ...zoned);
  expect(writtenCodes(raw)).toEqual([
    "/access/rules/1 invalid-line",
    "/access/rules/2 invalid-line",
    "/inboundProxyProtocol/from/1 invalid-address",
    "/inboundProxyProtocol/from/2 invalid-address",
  ]);
  expect(writtenCodes(withNetworks("fe80::1", "fe80::/64"))).toEqual([]);
  // It may be stored from before.
  stored(raw);
});

test.each([
  ["::ffff:10.0.0.0/8", "10.0.0.0/8 or ::ffff:10.0.0.0/104"],
  ["::FFFF:a00:0/32", "10.0.0.0/32 or ::ffff:10.0.0.0/128"],
  ["::ffff:0.0.0.0/0", "0.0.0.0/0 or ::ffff:0.0.0.0/96"],
  ["::ffff:10.0.0.0/95", "a prefix of 96 or more"],
])("F-ACL-05 %s matches no IPv4 client: refused with what was meant, %s", (network, meant) => {
  const raw = withNetworks(network);
  const detail = expect.stringContaining(meant);
  expect(checkWritten(raw)).toEqual({
    ok: false,
    problems: [
      { pointer: "/access/rules/0", code: "invalid-line", detail },
      { pointer: "/inboundProxyProtocol/from/0", code: "invalid-address", detail },
    ],
  });
  stored(raw);
});

test("mapped networks that are of IPv4 addresses are taken, and short ones of IPv6", () => {
  const right = ["::ffff:10.0.0.0/104", "::ffff:0:0/96", "::ffff:10.0.0.1", "::/0", "2001::/16"];
  expect(writtenCodes(withNetworks(...right))).toEqual([]);
});

function withNetworks(...networks: string[]): object {
  return minimalBalancer({
    access: { rules: networks.map((network) => `deny ${network}`) },
    inboundProxyProtocol: { from: networks },
  });
}
