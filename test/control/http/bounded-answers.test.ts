import { beforeAll, describe, expect, test } from "vitest";

import { problemsBytesMax, problemsPerCheckMax } from "#shared/base/limits.ts";

import { controlUnderTest, type ControlUnderTest } from "../../support/control-under-test.ts";
import { suiteCleanup } from "../../support/suite-cleanup.ts";
import { signUp, type TestTenant } from "../../support/tenant-api.ts";

let control: ControlUnderTest;
let tenant: TestTenant;
const cleanup = suiteCleanup();

beforeAll(async () => {
  control = await controlUnderTest(cleanup);
  tenant = await signUp(control.url);
});

/** Bodies whose problems would fill an answer many times the size of the body. */
const wrongValues = Array.from({ length: 1_500 }, () => '"\\u0000"').join();
const hostile: readonly (readonly [string, string])[] = [
  ["/v1/balancers?dryRun=true", `{"${"~".repeat(240 * 1024)}":[${wrongValues}]}`],
  ["/v1/signup", `{${keys(20_000, (index) => `"k${index}":1`)}}`],
  ["/v1/sessions", `{"${"~".repeat(240 * 1024)}":1}`],
  ["/v1/join-tokens", `{"uses":"${"a".repeat(200 * 1024)}",${keys(900, (n) => `"${n}":1`)}}`],
];

function keys(length: number, key: (index: number) => string): string {
  return Array.from({ length }, (_, index) => key(index)).join();
}

interface Answer {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
}

describe("a body with more wrong in it than an answer can say", () => {
  test.each(hostile)("%s: the answer is bounded", async (path, body) => {
    const response = await fetch(`${control.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${tenant.key}` },
      body,
    });
    const text = await response.text();
    expect(response.status).toBe(422);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(problemsBytesMax + 1_024);
    const { code, errors } = JSON.parse(text) as Answer;
    expect(code).toBe("http/invalid");
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.length).toBeLessThanOrEqual(problemsPerCheckMax);
  });
});
