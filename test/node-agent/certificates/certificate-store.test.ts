import { expect, test } from "vitest";

import { CertificateStore } from "../../../node-agent/certificates/certificate-store.ts";

const pair = (text: string) => ({ certificatePem: `chain ${text}`, keyPem: `key ${text}` });

function heardOf(store: CertificateStore): { heard: string[][]; end: () => void } {
  const heard: string[][] = [];
  const end = store.onChange((ids) => heard.push([...ids]));
  return { heard, end };
}

test("who listens hears of certificates that came, changed or went, once the store says so", () => {
  const store = new CertificateStore();
  const seen: (string | undefined)[] = [];
  store.onChange((ids) => seen.push(...Array.from(ids, (id) => store.get(id)?.keyPem)));
  const { heard, end } = heardOf(store);
  store.put(
    new Map([
      ["crt_a", pair("1")],
      ["crt_b", pair("1")],
    ]),
  );
  store.put(
    new Map([
      ["crt_a", pair("1")],
      ["crt_b", pair("2")],
    ]),
  );
  store.put(new Map([["crt_a", pair("1")]]));
  store.keepOnly(new Set(["crt_b"]));
  expect(heard).toEqual([["crt_a", "crt_b"], ["crt_b"], ["crt_a"]]);
  expect(seen).toEqual(["key 1", "key 1", "key 2", undefined]);
  expect(store.get("crt_b")).toEqual(pair("2"));
  end();
  store.keepOnly(new Set());
  expect(heard).toHaveLength(3);
});

test("another key alone is a change", () => {
  const store = new CertificateStore();
  const { heard } = heardOf(store);
  store.put(new Map([["crt_a", pair("1")]]));
  store.put(new Map([["crt_a", { ...pair("1"), keyPem: "another" }]]));
  expect(heard).toHaveLength(2);
});
