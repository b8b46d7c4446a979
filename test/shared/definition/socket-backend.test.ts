import { expect, test } from "vitest";

import { requiredCapabilities } from "#shared/definition/capability.ts";
import { checkBalancer } from "#shared/validation/check-balancer.ts";

function balancer(backends: readonly unknown[], rest: object = {}): unknown {
  return { name: "web", bind: [":80"], discovery: { kind: "static", backends }, ...rest };
}

test("X-TCP-28 a backend is a Unix socket as a line, or as an object with port 0", () => {
  const written = checkBalancer(
    balancer(["unix:/run/a.sock weight=2", { host: "unix:/run/b.sock", port: 0 }]),
  );
  if (!written.ok) throw new Error(JSON.stringify(written.problems));
  const { discovery } = written.value;
  expect(discovery).toMatchObject({
    backends: [
      { host: "unix:/run/a.sock", port: 0, weight: 2 },
      { host: "unix:/run/b.sock", port: 0, weight: 1 },
    ],
  });
  expect(requiredCapabilities(written.value)).toContainEqual({
    capability: "backend:unix",
    pointer: "/discovery/backends/0",
  });
  expect(checkBalancer(written.value)).toEqual(written);
});

test.each([
  [{ host: "unix:/run/a.sock", port: 80 }, "/discovery/backends/0/port", "conflict"],
  [{ host: "10.0.0.5", port: 0 }, "/discovery/backends/0/port", "out-of-range"],
  [{ host: "unix:a.sock", port: 0 }, "/discovery/backends/0/host", "invalid-address"],
  [`unix:/${"x".repeat(107)}`, "/discovery/backends/0", "invalid-line"],
])("a backend %j is refused at its place", (backend, pointer, code) => {
  const checked = checkBalancer(balancer([backend]));
  expect(checked).toMatchObject({ ok: false, problems: [{ pointer, code }] });
});

test("a udp balancer has no Unix socket behind it", () => {
  const udp = { protocol: "udp", udp: { maxRequests: 2 } };
  const checked = checkBalancer(balancer(["unix:/run/a.sock"], udp));
  expect(checked).toMatchObject({
    ok: false,
    problems: [{ pointer: "/discovery/backends/0/host", code: "conflict" }],
  });
});
