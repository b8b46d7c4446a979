import * as fc from "fast-check";
import { expect, test } from "vitest";

import {
  claimedValue,
  formatNodeAuthorization,
  parseNodeAuthorization,
} from "#shared/wire/node-authorization.ts";

const claim = { node: "nod_1", atMs: 1_700_000_000_000, nonce: "n-1", generation: 7 };
const signature = "A".repeat(86);

test("what is written is read again", () => {
  const header = formatNodeAuthorization(claim, signature);
  expect(header).toMatch(/^Midstream-Node node=nod_1, /);
  expect(parseNodeAuthorization(header)).toEqual({ claim, signature });
  expect(parseNodeAuthorization(header.replace("Midstream-Node", "midstream-node"))).toBeDefined();
});

test("what has not this form is nothing, and nothing is thrown", () => {
  const good = formatNodeAuthorization(claim, signature);
  for (const header of [
    "",
    "Midstream-Node",
    "Bearer abc",
    good.replace("node=nod_1, ", ""),
    good.replace("generation=7", "generation=-1"),
    good.replace("generation=7", "generation=1e400"),
    good.replace("atMs=1700000000000", "atMs=soon"),
    good.replace(signature, "short"),
    `${good}, ${"x".repeat(1_000)}`,
  ]) {
    expect(parseNodeAuthorization(header), header.slice(0, 60)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseNodeAuthorization(text);
      parseNodeAuthorization(`Midstream-Node ${text}`);
    }),
  );
});

test("the signed value holds everything that the header claims, and the request", () => {
  expect(claimedValue({ method: "GET", path: "/x" }, claim)).toEqual({
    method: "GET",
    path: "/x",
    ...claim,
  });
});
