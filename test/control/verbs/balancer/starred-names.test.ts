import { expect, test } from "vitest";

import { compilePattern } from "#shared/base/pattern.ts";

import { starredNames } from "../../../../control/verbs/balancer/starred-names.ts";
import { minimalBalancer } from "../../../shared/definition/full-definitions.ts";
import { stored } from "../../../shared/validation/checking.ts";

const backends = [
  "10.0.0.5:443 sni=www.example.com",
  "10.0.0.6:443 sni=*.example.com",
  { host: "10.0.0.7", port: 443 },
];
const managed = [{ host: "10.0.0.8", port: 443, sni: "api-*.example.com" }];

function warningsWith(sni: object | undefined): ReturnType<typeof starredNames> {
  const discovery = { kind: "static", backends };
  return starredNames(stored(minimalBalancer({ discovery, managedBackends: managed, sni })));
}

test("a name with a star that is compared as it stands is warned of, with the pattern for it", () => {
  const warnings = warningsWith({});
  expect(warnings.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
    "/discovery/backends/1/sni literal-star",
    "/managedBackends/0/sni literal-star",
  ]);
  expect(warnings[0]?.detail).toContain(String.raw`"(?i)^[^.]+\\.example\\.com$"`);
  expect(warnings[1]?.detail).toContain(String.raw`"(?i)^api-[^.]+\\.example\\.com$"`);
});

test("the pattern that is told matches what was meant, and nothing else", () => {
  const detail = warningsWith({})[0]?.detail ?? "";
  const pattern: unknown = JSON.parse(detail.slice(detail.lastIndexOf(" ") + 1));
  const compiled = compilePattern(String(pattern));
  const matches = (name: string): boolean => compiled.ok && compiled.pattern.test(name);
  expect(["www.example.com", "WWW.Example.com"].map(matches)).toEqual([true, true]);
  const others = ["example.com", "a.b.example.com", "www-example.com", "www.example.com.test"];
  expect(others.map(matches)).toEqual([false, false, false, false]);
});

test("a star in a pattern is right, and without routing by name nothing is compared", () => {
  const discovery = { kind: "static", backends: ["10.0.0.5:443 sni=^www.*\\.example\\.com$"] };
  const sni = { hostnameMatchingStrategy: "regexp" };
  expect(starredNames(stored(minimalBalancer({ discovery, sni })))).toEqual([]);
  expect(warningsWith(undefined)).toEqual([]);
});
