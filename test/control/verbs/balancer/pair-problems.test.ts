import { createPrivateKey } from "node:crypto";

import { beforeAll, expect, test } from "vitest";

import { hiddenSecret } from "#shared/definition/secret-value.ts";

import { pairProblems } from "../../../../control/verbs/balancer/pair-problems.ts";
import { minimalBalancer } from "../../../shared/definition/full-definitions.ts";
import { stored } from "../../../shared/validation/checking.ts";
import {
  issuedCertificate,
  issuedChain,
  type IssuedCertificate,
} from "../../../support/issued-certificate.ts";

let leaf: IssuedCertificate;
let other: IssuedCertificate;
let expired: IssuedCertificate;
let early: IssuedCertificate;
let chain: string;

beforeAll(async () => {
  ({ leaf, chain } = await issuedChain());
  [other, expired, early] = await Promise.all([
    issuedCertificate({ name: "other" }),
    issuedCertificate({ name: "expired", validDays: [-9, -2] }),
    issuedCertificate({ name: "early", validDays: [2, 9] }),
  ]);
});

interface Pair {
  readonly certificate: string;
  readonly key: string | { readonly secret: string };
}

/** Every problem as `pointer code` when the pair stands in each place that there is for one. */
function problemsOf(pem: Pair): readonly string[] {
  const clientCertificate = { pem };
  const source = { kind: "json", endpoint: "https://a.test/", tls: { clientCertificate } };
  const definition = minimalBalancer({
    backendTls: { clientCertificate },
    discovery: { kind: "multi", sources: [{ kind: "static", backends: [] }, source] },
  });
  const alone = minimalBalancer({ discovery: source });
  return [stored(definition), stored(alone)].flatMap((balancer) =>
    pairProblems(balancer, Date.now()).map(({ pointer, code }) => `${pointer} ${code}`),
  );
}

/** The same in all three places. */
function everywhere(problem: string): readonly string[] {
  return ["/backendTls", "/discovery/sources/1/tls", "/discovery/tls"].map(
    (section) => `${section}/clientCertificate/pem${problem}`,
  );
}

test("a pair that is written as texts is checked as an upload is, each problem where it stands", () => {
  const { key } = leaf;
  expect(problemsOf({ certificate: chain, key })).toEqual([]);
  for (const [pair, problem] of [
    [{ certificate: chain, key: other.key }, "/key key-mismatch"],
    [{ certificate: "nothing", key }, "/certificate invalid-pem"],
    [{ certificate: chain, key: "nothing" }, "/key invalid-pem"],
    [{ certificate: expired.cert, key: expired.key }, "/certificate expired"],
    [{ certificate: early.cert, key: early.key }, "/certificate not-yet-valid"],
    [{ certificate: leaf.cert + other.cert, key }, "/certificate broken-chain"],
    [{ certificate: chain, key: encrypted(key) }, "/key passphrase-required"],
  ] as const) {
    expect(problemsOf(pair), problem).toEqual(everywhere(problem));
  }
});

test("a pair whose key was stored before is no reason to refuse another change", () => {
  const secret = "sec_01hzy8m5xk3v9q2w7r4t6e8b1c";
  for (const key of [{ secret }, hiddenSecret]) {
    expect(problemsOf({ certificate: expired.cert, key })).toEqual([]);
  }
});

function encrypted(key: string): string {
  const form = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" } as const;
  return createPrivateKey(key).export(form).toString();
}
