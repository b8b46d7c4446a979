import { expect, test } from "vitest";

import { checkGobetweenBalancer } from "#shared/gobetween/check-gobetween-balancer.ts";

import { minimalBalancer } from "../definition/full-definitions.ts";

test("F-CFG-29 gobetween's PROXY setting takes version 1 only, and leaving the version out is refused", () => {
  const problemsOf = (proxyProtocol: object): readonly string[] => {
    const checked = checkGobetweenBalancer(minimalBalancer({ proxyProtocol }));
    return checked.ok ? [] : checked.problems.map(({ pointer, code }) => `${pointer} ${code}`);
  };
  expect(problemsOf({ version: "1" })).toEqual([]);
  expect(problemsOf({})).toEqual(["/proxyProtocol/version required"]);
  for (const version of ["2", "3", "", "v1", 1]) {
    expect(problemsOf({ version })).toEqual([expect.stringContaining("/proxyProtocol/version ")]);
  }
});

test("a name and a password in a gobetween address move to where they are sealed", () => {
  const found = (discovery: object): unknown => {
    const checked = checkGobetweenBalancer(minimalBalancer({ discovery }));
    return checked.ok ? checked.value.discovery : checked.problems;
  };
  const auth = { username: "us@er", password: "pa:ss" };
  const moved = { endpoint: "http://a.test/b?c", auth };
  const endpoint = "http://us%40er:pa%3Ass@a.test/b?c";
  for (const kind of ["json", "plaintext"]) {
    expect(found({ kind, endpoint })).toMatchObject({ kind, ...moved });
  }
  const docker = { kind: "docker", containerPrivatePort: 80 };
  const engine = "tcp://us%40er:pa%3Ass@10.0.0.9:2375";
  expect(found({ ...docker, endpoint: engine })).toMatchObject({
    endpoint: "tcp://10.0.0.9:2375",
    auth,
  });
  const several = { kind: "multi", sources: [{ kind: "json", endpoint }] };
  expect(found(several)).toMatchObject({ sources: [moved] });
  // gobetween sends a name without a password as it is.
  const token = Buffer.from("token:").toString("base64");
  expect(found({ kind: "json", endpoint: "http://token@a.test/" })).toMatchObject({
    endpoint: "http://a.test/",
    headers: [{ name: "Authorization", value: `Basic ${token}` }],
  });
  expect(found({ kind: "json", endpoint: "http://a.test" })).not.toHaveProperty("auth");
});

test("what a gobetween address moves takes nothing else's place, and a second Authorization is refused", () => {
  const problemsOf = (discovery: object): unknown => {
    const checked = checkGobetweenBalancer(minimalBalancer({ discovery }));
    return checked.ok ? [] : checked.problems.map(({ pointer, code }) => `${pointer} ${code}`);
  };
  const json = { kind: "json", endpoint: "http://token@a.test/" };
  const key = { name: "X-Key", value: "k" };
  expect(
    checkGobetweenBalancer(minimalBalancer({ discovery: { ...json, headers: [key] } })),
  ).toMatchObject({
    value: { discovery: { headers: [key, { name: "Authorization" }] } },
  });
  expect(problemsOf({ ...json, headers: [{ name: "authorization", value: "x" }] })).toEqual([
    "/discovery/headers/1/name conflict",
  ]);
  const auth = { username: "u", password: "p" };
  expect(problemsOf({ ...json, auth })).toEqual(["/discovery/endpoint conflict"]);
  expect(problemsOf({ ...json, endpoint: "http://u:p@a.test/", bearerToken: "t" })).toEqual([
    "/discovery/bearerToken conflict",
  ]);
});

test("F-CFG-25 passes and fails of 0 or less become 1", () => {
  for (const count of [0, -3]) {
    const healthcheck = { kind: "ping", fails: count, passes: count };
    expect(checkGobetweenBalancer(minimalBalancer({ healthcheck }))).toMatchObject({
      ok: true,
      value: { healthcheck: { fails: 1, passes: 1 } },
    });
  }
});
