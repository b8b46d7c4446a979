import { describe, expect, test } from "vitest";

import { deniedBy } from "../../../node-agent/apply/denied-by.ts";
import { checkPolicy, defaultPolicy, type Policy } from "../../../node-agent/apply/policy.ts";
import { definitionOf } from "./balancers.ts";

describe("local policy", () => {
  test("without a file every listener may open, no command runs and no Unix socket is used", () => {
    const policy = defaultPolicy();
    expect(deniedBy(policy, definitionOf("a", { bind: ["0.0.0.0:1", "[::]:2", ":3"] }))).toEqual(
      [],
    );
    expect(pointers(policy, { bind: ["unix:/run/a.sock"] })).toEqual(["/bind/0"]);
    expect(pointers(policy, { healthcheck: { kind: "exec", command: "/usr/bin/check" } })).toEqual([
      "/healthcheck/command",
    ]);
    expect(pointers(policy, { discovery: { kind: "exec", command: ["/bin/list", "x"] } })).toEqual([
      "/discovery/command",
    ]);
    expect(pointers(policy, docker("unix:///var/run/docker.sock"))).toEqual([
      "/discovery/endpoint",
    ]);
    expect(pointers(policy, docker("tcp://10.0.0.1:2376"))).toEqual([]);
  });

  test("binds outside the allowed addresses or ports are denied, each with its own pointer", () => {
    const policy = policyOf({
      bind: { addresses: ["10.0.0.0/8", "::1"], ports: ["1024-2000", "443"] },
    });
    const bind = ["10.1.2.3:443", "192.0.2.1:443", "10.1.2.3:80", "[::1]:1024-2000", "[::2]:2001"];
    expect(pointers(policy, { bind })).toEqual(["/bind/1", "/bind/2", "/bind/4", "/bind/4"]);
    expect(pointers(policy, { bind: ["10.0.0.1:1999-2001"] })).toEqual(["/bind/0"]);
  });

  test("a wildcard, and an interface whose addresses may change, need every address", () => {
    const some = policyOf({ bind: { addresses: ["0.0.0.0/1", "128.0.0.0/1"] } });
    const ipv4 = policyOf({ bind: { addresses: ["0.0.0.0/0"] } });
    expect(pointers(some, { bind: ["0.0.0.0:80"] })).toEqual(["/bind/0"]);
    // Every wildcard listens on both families, however it is written.
    const ipv6 = policyOf({ bind: { addresses: ["::/0"] } });
    const both = policyOf({ bind: { addresses: ["0.0.0.0/0", "::/0"] } });
    for (const wildcard of ["0.0.0.0:80", "[::]:80", ":80", "[::ffff:0.0.0.0]:80"]) {
      expect(pointers(ipv4, { bind: [wildcard] })).toEqual(["/bind/0"]);
      expect(pointers(ipv6, { bind: [wildcard] })).toEqual(["/bind/0"]);
      expect(pointers(both, { bind: [wildcard] })).toEqual([]);
    }
    expect(pointers(ipv4, { bind: ["interface:eth0:80"] })).toEqual(["/bind/0"]);
    expect(pointers(defaultPolicy(), { bind: ["interface:eth0:80"] })).toEqual([]);
  });

  test("an IPv4 address mapped into IPv6 is the IPv4 address, in a bind and in the policy", () => {
    const ipv6 = policyOf({ bind: { addresses: ["::/0"] } });
    const ten = policyOf({ bind: { addresses: ["10.0.0.0/8"] } });
    const mapped = policyOf({ bind: { addresses: ["::ffff:10.0.0.0/104", "::ffff:192.0.2.1"] } });
    expect(pointers(ipv6, { bind: ["[::ffff:10.1.2.3]:80"] })).toEqual(["/bind/0"]);
    expect(pointers(ten, { bind: ["[::ffff:10.1.2.3]:80"] })).toEqual([]);
    expect(pointers(ten, { bind: ["[::ffff:192.0.2.1]:80"] })).toEqual(["/bind/0"]);
    expect(pointers(mapped, { bind: ["10.1.2.3:80", "192.0.2.1:81"] })).toEqual([]);
    expect(pointers(mapped, { bind: ["192.0.2.2:80"] })).toEqual(["/bind/0"]);
  });

  test("a command is allowed word by word, and refused by its name", () => {
    const policy = policyOf({ exec: { allow: ["/bin/list", ["/bin/sh", "-c", "list a"]] } });
    const exec = (...command: readonly string[]) => ({ discovery: { kind: "exec", command } });
    expect(pointers(policy, exec("/bin/list"))).toEqual([]);
    expect(pointers(policy, exec("/bin/sh", "-c", "list a"))).toEqual([]);
    for (const other of [["/bin/list", "x"], ["/bin/sh"], ["/bin/sh", "-c", "list b"]]) {
      expect(deniedBy(policy, definitionOf("a", exec(...other)))).toEqual([
        {
          pointer: "/discovery/command",
          code: "denied-by-policy",
          detail: `running ${JSON.stringify(other)} is not allowed on this host: see its policy file`,
        },
      ]);
    }
  });

  test("certificates, keys and authorities are read from files and folders that are named, and not beside them", () => {
    const definition = {
      protocol: "tls",
      tls: {
        certificates: [
          { files: { certPath: "/etc/tls/a.pem", keyPath: "/etc/tls/../a.key" } },
          { certificate: "crt_1" },
        ],
        clientAuth: { mode: "verify", authority: { file: "/etc/ca.pem" } },
      },
      backendTls: {
        rootCa: { file: "/etc/other.pem" },
        clientCertificate: { files: { certPath: "/etc/tls/b.pem", keyPath: "/etc/tls/b.key" } },
      },
    };
    expect(
      pointers(policyOf({ files: { allow: ["/etc/tls/", "/etc/ca.pem"] } }), definition),
    ).toEqual(["/tls/certificates/0/files/keyPath", "/backendTls/rootCa/file"]);
    expect(pointers(defaultPolicy(), definition)).toHaveLength(6);
  });

  test("files that TLS of checks and sources names are held to the same list", () => {
    const definition = {
      healthcheck: { kind: "http", scheme: "https", tls: { rootCa: { file: "/etc/ca.pem" } } },
      discovery: {
        kind: "multi",
        sources: [
          { kind: "json", endpoint: "https://10.0.0.1/", tls: { rootCa: { file: "/etc/ca.pem" } } },
          {
            kind: "consul",
            host: "10.0.0.1:8501",
            serviceName: "web",
            tls: {
              clientCertificate: { files: { certPath: "/etc/c.pem", keyPath: "/etc/c.key" } },
            },
          },
        ],
      },
    };
    const all = [
      "/healthcheck/tls/rootCa/file",
      "/discovery/sources/0/tls/rootCa/file",
      "/discovery/sources/1/tls/clientCertificate/files/certPath",
      "/discovery/sources/1/tls/clientCertificate/files/keyPath",
    ];
    expect(pointers(defaultPolicy(), definition)).toEqual(all);
    expect(pointers(policyOf({ files: { allow: ["/etc/ca.pem"] } }), definition)).toEqual(
      all.slice(2),
    );
    expect(pointers(policyOf({ files: { allow: ["/etc/"] } }), definition)).toEqual([]);
  });

  test("an LXD discovery reads folders that it names, and writes certificates, only where that is allowed", () => {
    const lxd = (terms: Readonly<Record<string, unknown>>) => ({
      discovery: {
        kind: "lxd",
        serverAddress: "https://10.0.0.1:8443",
        containerPort: 80,
        ...terms,
      },
    });
    const policy = policyOf({ folders: { allow: ["/var/lib/trust"] } });
    const making = { generateClientCerts: true };
    expect(pointers(policy, lxd({}))).toEqual([]);
    expect(pointers(policy, lxd({ configDirectory: "/root/.config/lxc" }))).toEqual([
      "/discovery/configDirectory",
    ]);
    expect(pointers(policy, lxd({ configDirectory: "/var/lib/trust" }))).toEqual([]);
    expect(pointers(policy, lxd(making))).toEqual(["/discovery/configDirectory"]);
    expect(pointers(policy, lxd({ ...making, configDirectory: "/etc" }))).toEqual([
      "/discovery/configDirectory",
    ]);
    expect(pointers(policy, lxd({ ...making, configDirectory: "/var/lib/trust" }))).toEqual([]);
  });

  test("what is named is allowed, exactly as it is named", () => {
    const policy = policyOf({
      exec: { allow: ["/usr/bin/check"] },
      sockets: { allow: ["/run/a.sock", "/var/run/docker.sock"] },
    });
    const exec = (command: string): Readonly<Record<string, unknown>> => ({
      healthcheck: { kind: "exec", command },
    });
    expect(pointers(policy, exec("/usr/bin/check"))).toEqual([]);
    expect(pointers(policy, exec("/usr/bin/../bin/check"))).toEqual(["/healthcheck/command"]);
    expect(pointers(policy, { bind: ["unix:/run/a.sock"] })).toEqual([]);
    expect(pointers(policy, docker("unix:///var/run/docker.sock"))).toEqual([]);
    expect(pointers(policy, docker("unix:///var/run/other.sock"))).toEqual(["/discovery/endpoint"]);
    const backends = ["10.0.0.1:80", "unix:/run/a.sock", "unix:/run/b.sock"];
    expect(pointers(policy, { discovery: { kind: "static", backends } })).toEqual([
      "/discovery/backends/2/host",
    ]);
  });

  test("every source of a merged discovery is bound by it", () => {
    const sources = [
      { kind: "static", backends: [{ host: "10.0.0.1", port: 80 }] },
      { kind: "lxd", serverAddress: "unix:/var/lib/lxd/unix.socket", containerPort: 80 },
    ];
    expect(pointers(defaultPolicy(), { discovery: { kind: "multi", sources } })).toEqual([
      "/discovery/sources/1/serverAddress",
    ]);
  });
});

function pointers(policy: Policy, over: Readonly<Record<string, unknown>>): readonly string[] {
  const problems = deniedBy(policy, definitionOf("a", over));
  expect(problems.every(({ code }) => code === "denied-by-policy")).toBe(true);
  return problems.map(({ pointer }) => pointer);
}

function docker(endpoint: string): Readonly<Record<string, unknown>> {
  return { discovery: { kind: "docker", endpoint, containerPrivatePort: 80 } };
}

function policyOf(raw: unknown): Policy {
  const checked = checkPolicy(raw);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}
