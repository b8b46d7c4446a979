import { expect, test } from "vitest";
import { z } from "zod";

import { balancerSchema, type Balancer } from "#shared/definition/balancer.ts";
import { shownDefinition } from "#shared/definition/shown.ts";
import { credentialsOf, urlsWithCredentials } from "#shared/definition/url-secrets.ts";

import { stored } from "../validation/checking.ts";
import { minimalBalancer } from "./full-definitions.ts";
import { fullDiscoveries } from "./full-discoveries.ts";
import { placesIn } from "./schema-places.ts";

test("a name or a password in a URL is found however it is written, and nothing else is", () => {
  const found: readonly (readonly [string, string, string, string])[] = [
    ["http://user:pass@a.test/x?y", "http://a.test/x?y", "user", "pass"],
    ["https://user@a.test", "https://a.test/", "user", ""],
    ["http://:pass@a.test/", "http://a.test/", "", "pass"],
    ["http:user:pass@a.test/", "http://a.test/", "user", "pass"],
    ["http:\\\\user:pass@a.test", "http://a.test/", "user", "pass"],
    ["http://us%40er:p%3Ass@a.test/", "http://a.test/", "us@er", "p:ss"],
    ["http://user:100%@a.test/", "http://a.test/", "user", "100%"],
    ["http://a@b:pass@a.test/", "http://a.test/", "a@b", "pass"],
    ["tcp://user:pass@10.0.0.9:2376", "tcp://10.0.0.9:2376", "user", "pass"],
    ["tcp://user:pass@10.0.0.9:99999", "tcp://10.0.0.9:99999", "user", "pass"],
  ];
  for (const [text, url, username, password] of found) {
    expect(credentialsOf(text), text).toEqual({ url, username, password });
  }
  for (const text of [
    "http://a.test/",
    "http://@a.test/",
    "http://a.test/@b?user:pass@c",
    "unix:///run/a@b.sock",
    "unix:/run/lxd",
    "tcp://10.0.0.9:2376",
  ]) {
    expect(credentialsOf(text), text).toBeUndefined();
  }
});

test("a stored definition with a password in a URL, or headers in plain text, is shown without them", () => {
  const hush = "http://user:hush@a.test/backends";
  const sources = [
    { ...fullDiscoveries["json"], endpoint: hush },
    { kind: "lxd", serverAddress: "https://user:hush@a.test:8443", containerPort: 80 },
    { ...fullDiscoveries["kubernetes"], apiServer: hush },
    { ...fullDiscoveries["ecs"], ec2Endpoint: hush, role: { arn: "arn:aws:x", endpoint: hush } },
    { ...fullDiscoveries["docker"], endpoint: "tcp://user:hush@10.0.0.9:99999" },
  ];
  const plain = stored(
    minimalBalancer({
      discovery: { kind: "multi", sources },
      healthcheck: { kind: "http", headers: { "X-Key": "hush" } },
    }),
  );
  expect(urlsWithCredentials(plain).map(({ pointer }) => pointer)).toEqual([
    "/discovery/sources/0/endpoint",
    "/discovery/sources/4/endpoint",
    "/discovery/sources/2/apiServer",
    "/discovery/sources/1/serverAddress",
    "/discovery/sources/3/ec2Endpoint",
    "/discovery/sources/3/role/endpoint",
  ]);
  const shown = shownDefinition(plain);
  expect(JSON.stringify(shown)).not.toMatch(/hush|plain (key|token|password)/);
  expect(shown.discovery).toMatchObject({
    sources: [{ endpoint: "http://***@a.test/backends" }, {}, {}, {}, {}],
  });
  expect(shown.healthcheck).toMatchObject({ headers: { "X-Key": "(hidden)" } });
});

test("no schema holds a URL in a place that is not looked at", () => {
  const places = placesIn(balancerSchema, (schema) => schema instanceof z.ZodURL);
  const hush = "http://user:hush@a.test/";
  for (const place of places) {
    const [section = "", ...keys] = place.split("/").slice(1);
    expect(section).toBe("discovery");
    const inner = keys.reduceRight<unknown>((value, key) => ({ [key]: value }), hush);
    // Only the places matter: such a discovery would not be taken.
    const found = urlsWithCredentials({ discovery: Object.assign(discoveryOf("json"), inner) });
    expect(found.map(({ pointer }) => pointer)).toContain(place);
  }
  expect(places.length).toBeGreaterThan(3);
});

function discoveryOf(kind: string): Balancer["discovery"] {
  return stored(minimalBalancer({ discovery: fullDiscoveries[kind] })).discovery;
}
