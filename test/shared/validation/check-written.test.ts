import { expect, test } from "vitest";

import { checkWritten } from "#shared/validation/check-written.ts";

import {
  fullDiscoveries,
  minimalBalancer,
  minimalDiscoveries,
} from "../definition/full-definitions.ts";
import { codesOf, stored } from "./checking.ts";

/** Every problem of a definition that is written as `pointer code`. */
function writtenCodes(raw: unknown): readonly string[] {
  const checked = checkWritten(raw);
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
