import { describe, expect, test } from "vitest";

import { balancersPerGroupMax } from "#shared/base/limits.ts";
import { checkGroup, type GroupMember } from "#shared/validation/check-group.ts";

import { minimalBalancer } from "../definition/full-definitions.ts";
import { stored } from "./checking.ts";

const udp = { protocol: "udp", udp: { maxRequests: 1 } };

describe("binds of one group", () => {
  test.each([
    ["the same address and port", "127.0.0.1:80", "127.0.0.1:80"],
    ["a wildcard takes every address", "0.0.0.0:80", "127.0.0.1:80"],
    ["in either order", "127.0.0.1:80", ":80"],
    ["of both families", "[::]:80", "10.0.0.1:80"],
    ["an IPv4 wildcard takes IPv6 clients too", "0.0.0.0:80", "[::1]:80"],
    ["an address in another spelling", "[fd00::5]:80", "[FD00:0::0005]:80"],
    ["ranges that overlap", "127.0.0.1:8000-8010", "127.0.0.1:8010-8020"],
    ["a range around a port", "127.0.0.1:1-500", "127.0.0.1:80"],
    ["one Unix socket", "unix:/run/web.sock", "unix:/run/web.sock"],
    ["one interface", "interface:eth0:80", "interface:eth0:80"],
    ["a wildcard and an interface", ":80", "interface:eth0:80"],
  ])("clash: %s", (_, taken, wanted) => {
    expect(checkGroup([member("a", { bind: [taken] }), member("b", { bind: [wanted] })])).toEqual([
      { pointer: "/bind/0", code: "conflict", detail: expect.stringContaining(taken) },
    ]);
  });

  test.each([
    ["other ports", "127.0.0.1:80", "127.0.0.1:81"],
    ["other addresses", "127.0.0.1:80", "127.0.0.2:80"],
    ["ranges that only touch", "127.0.0.1:1-9", "127.0.0.1:10-19"],
    ["other sockets", "unix:/run/a.sock", "unix:/run/b.sock"],
    ["a socket and a port", "unix:/run/a.sock", ":80"],
    ["other interfaces", "interface:eth0:80", "interface:eth1:80"],
    ["an interface whose addresses are not known here", "interface:eth0:80", "10.0.0.1:80"],
  ])("do not clash: %s", (_, taken, wanted) => {
    expect(checkGroup([member("a", { bind: [taken] }), member("b", { bind: [wanted] })])).toEqual(
      [],
    );
  });

  test("TCP and UDP share a port, TCP and TLS do not", () => {
    const certificates = [{ certificate: "crt_01" }];
    const tcp = member("a", { bind: [":53"] });
    expect(checkGroup([tcp, member("b", { ...udp, bind: [":53"] })])).toEqual([]);
    expect(
      checkGroup([tcp, member("b", { protocol: "tls", tls: { certificates }, bind: [":53"] })]),
    ).toMatchObject([{ pointer: "/bind/0", code: "conflict" }]);
  });

  test("every bind of the last that clashes is a problem with its own pointer, and names the holder", () => {
    const problems = checkGroup([
      member("web", { bind: [":80"] }),
      member("dns", { bind: ["127.0.0.1:53"] }),
      member("new", { bind: ["10.0.0.1:80", ":8080", "127.0.0.1:53"] }),
    ]);
    expect(problems).toEqual([
      { pointer: "/bind/0", code: "conflict", detail: expect.stringContaining("web") },
      { pointer: "/bind/2", code: "conflict", detail: expect.stringContaining("dns") },
    ]);
  });

  test("the earlier ones are not judged again", () => {
    const same = { bind: [":80"] };
    expect(checkGroup([member("a", same), member("b", same), member("c")])).toEqual([]);
    expect(checkGroup([])).toEqual([]);
  });
});

test("a host name has one certificate in a group, whatever its case", () => {
  const withHosts = (...hosts: string[]): Record<string, unknown> => ({
    protocol: "tls",
    tls: { certificates: [{ certificate: "crt_01" }, { acme: { hosts } }] },
  });
  expect(
    checkGroup([
      member("a", { ...withHosts("www.example.com"), bind: [":1"] }),
      member("b", { ...withHosts("a.test", "WWW.example.com"), bind: [":2"] }),
    ]),
  ).toMatchObject([{ pointer: "/tls/certificates/1/acme/hosts/1", code: "conflict" }]);
});

test("a group has at most so many balancers", () => {
  const one = member("a", { ...udp, bind: [":1"] });
  const full = Array.from({ length: balancersPerGroupMax }, () => one);
  expect(checkGroup([...full, member("b")])).toMatchObject([
    { pointer: "/group", code: "out-of-range" },
  ]);
});

function member(name: string, sections: Record<string, unknown> = {}): GroupMember {
  return { id: `bal_${name}`, definition: stored(minimalBalancer({ name, ...sections })) };
}
