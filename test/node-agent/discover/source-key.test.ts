import { describe, expect, test } from "vitest";

import { sourceKeys } from "../../../node-agent/discover/source-key.ts";
import { definedSource } from "./source-under-test.ts";

const plain = { kind: "plaintext", endpoint: "http://10.0.0.1/lines" };

function keysOf(...sources: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return sourceKeys(sources.map(definedSource), "tcp");
}

function keyOf(source: Readonly<Record<string, unknown>>): string {
  const [key = ""] = keysOf(source);
  return key;
}

describe("the key of a source", () => {
  test("stays, whatever its answers and failures mean, and however often it is asked", () => {
    const terms = [
      { interval: "1h" },
      { timeout: "9s" },
      { failPolicy: "setempty" },
      { emptyAnswer: "accept" },
      { shrinkGuard: { percent: 10 } },
    ];
    for (const more of terms) {
      expect(keyOf({ ...plain, ...more })).toBe(keyOf(plain));
    }
    const secure = { ...plain, endpoint: "https://10.0.0.1/lines" };
    const rootCa = { file: "/etc/lines/ca.pem" };
    expect(keyOf({ ...secure, tls: { rootCa } })).toBe(keyOf(secure));
  });

  test("is another one for another kind, another place, another question, another transport", () => {
    const consul = { kind: "consul", host: "10.0.0.1:8500", serviceName: "web" };
    const all = [
      keyOf(plain),
      keyOf({ ...plain, endpoint: "http://10.0.0.2/lines" }),
      keyOf({ ...plain, endpoint: "http://10.0.0.1/others" }),
      keyOf({ kind: "json", endpoint: plain.endpoint }),
      keyOf(consul),
      keyOf({ ...consul, serviceName: "api" }),
      ...sourceKeys([definedSource(plain)], "udp"),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test("takes no secret in: whoever reads it cannot try passwords, and a new one is the same source", () => {
    const auth = (password: unknown) => ({ ...plain, auth: { username: "web", password } });
    expect(keyOf(auth("one"))).toBe(keyOf(auth("two")));
    const token = (bearerToken: string) => ({ ...plain, bearerToken });
    expect(keyOf(token("one"))).toBe(keyOf(token("two")));
    const headers = (value: string) => ({ ...plain, headers: [{ name: "X-Key", value }] });
    expect(keyOf(headers("one"))).toBe(keyOf(headers("two")));
    const stored = (url: string) =>
      sourceKeys([{ ...definedSource(plain), endpoint: url } as never], "tcp");
    expect(stored("http://web:one@10.0.0.1/")).toEqual(stored("http://web:two@10.0.0.1/"));
  });

  test("stays wherever the source stands; of several that are the same each has its own", () => {
    const other = { ...plain, endpoint: "http://10.0.0.2/lines" };
    expect(keysOf(other, plain)).toEqual(keysOf(plain, other).toReversed());
    const [first, second, third] = keysOf(plain, { ...plain, interval: "1h" }, other);
    expect([first, second, third]).toEqual([keyOf(plain), `${keyOf(plain)}-2`, keyOf(other)]);
  });
});
