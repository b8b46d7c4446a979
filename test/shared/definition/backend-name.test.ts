import { expect, test } from "vitest";

import { parseBackendLine } from "#shared/definition/backend-line.ts";
import { backendName, readBackendName } from "#shared/definition/backend-name.ts";
import { normalHost } from "#shared/definition/host.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

import { readBackend } from "../../../node-agent/discover/read-backend.ts";
import { minimalBalancer } from "./full-definitions.ts";

const spellings: readonly (readonly [string, readonly string[]])[] = [
  ["localhost", ["LOCALHOST", "LocalHost", "localhost.", "LOCALHOST."]],
  ["web.example.com", ["Web.Example.COM", "web.example.com."]],
  ["::1", ["0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0001", "0::1"]],
  ["fd00::a", ["FD00::A", "fd00:0::0a"]],
  ["10.0.0.5", ["::ffff:10.0.0.5", "::FFFF:a00:5"]],
];

test("a host has one spelling, whatever it is written as", () => {
  for (const [normal, others] of spellings) {
    for (const written of [normal, ...others]) expect(normalHost(written), written).toBe(normal);
  }
  expect(normalHost("unix:/Run/A.")).toBe("unix:/Run/A.");
  expect(normalHost("fe80::1%Eth0")).toBe("fe80::1%Eth0");
});

test("one backend has one name wherever it is read: a definition, a line, an answer, a path", () => {
  for (const [normal, others] of spellings) {
    const name = backendName(normal, 80);
    for (const host of others) {
      const bracketed = host.includes(":") ? `[${host}]:80` : `${host}:80`;
      const checked = checkBalancer(
        minimalBalancer({
          discovery: { kind: "static", backends: [{ host, port: 80 }, bracketed] },
          managedBackends: [{ host, port: 80 }],
          healthcheck: { kind: "ping", target: { host } },
        }),
      );
      const same = { host: normal, port: 80 };
      expect(checked).toMatchObject({
        ok: true,
        value: {
          discovery: { backends: [same, same] },
          managedBackends: [same],
          healthcheck: { target: { host: normal } },
        },
      });
      expect(parseBackendLine(bracketed, { order: "strict" })).toMatchObject({ backend: same });
      expect(readBackend({ host, port: 80 })).toMatchObject(same);
      expect(readBackendName(bracketed)).toEqual({ ok: true, value: name });
      expect(backendName(host, 80)).toBe(name);
    }
  }
});

test("two managed backends that are one are refused", () => {
  const managedBackends = [
    { host: "::1", port: 80 },
    { host: "0:0:0:0:0:0:0:1", port: 80 },
  ];
  expect(checkBalancer(minimalBalancer({ managedBackends }))).toMatchObject({
    ok: false,
    problems: [{ pointer: "/managedBackends/1", detail: "[::1]:80 is there already" }],
  });
});

test("a text that calls no backend is refused with a reason", () => {
  for (const text of ["nonsense", "", "10.0.0.5", "10.0.0.5:0", "::1:80", "unix:relative"]) {
    expect(readBackendName(text).ok, text).toBe(false);
  }
  expect(readBackendName("unix:/run/web.sock")).toMatchObject({ value: "unix:/run/web.sock" });
});
