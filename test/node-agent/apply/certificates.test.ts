import { beforeAll, expect, test } from "vitest";

import { entryOf, type SnapshotEntry } from "#shared/snapshot/snapshot.ts";

import { Applier, type Applied } from "../../../node-agent/apply/applier.ts";
import { defaultPolicy } from "../../../node-agent/apply/policy.ts";
import { CertificateStore } from "../../../node-agent/certificates/certificate-store.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { issuedChain } from "../../support/issued-certificate.ts";
import { entryFor } from "./balancers.ts";
import { FakeFlows } from "./fake-flows.ts";

type Issued = Awaited<ReturnType<typeof issuedChain>>;

let first: Issued;
let second: Issued;
beforeAll(async () => {
  [first, second] = [await issuedChain(), await issuedChain()];
});

const capabilities = [
  ...["protocol:tcp", "protocol:tls", "section:tls", "certificate:stored", "strategy:weight"],
  ...["discovery:static", "healthcheck:ping", "bind:address"],
];

const keyOf = "sec_00000000000000000000000001";
const otherKey = "sec_00000000000000000000000002";

function setup() {
  const flows = new FakeFlows();
  const store = new CertificateStore();
  const applier = new Applier({
    flows,
    certificates: store,
    terms: { policy: defaultPolicy(), capabilities: new Set(capabilities) },
    clock: new FakeClock(),
    random: () => 0.5,
    log: silentLog(),
    onEvent: () => undefined,
    onChange: () => undefined,
  });
  let rev = 0;
  const apply = (
    entries: readonly SnapshotEntry[],
    secrets: Readonly<Record<string, string>> = {},
  ): Promise<Applied> => {
    rev += 1;
    const version = { epoch: 1, rev, root: "0".repeat(64) };
    return applier.apply({ version, entries, secrets: new Map(Object.entries(secrets)) });
  };
  return { flows, store, apply };
}

function certificate({ chain }: Issued, secret: string): SnapshotEntry {
  return entryOf("certificate", "crt_a", { schema: 1, chain, key: { secret } });
}

function shows(id: string, port: number, certificates = ["crt_a"]): SnapshotEntry {
  const tls = { certificates: certificates.map((it) => ({ certificate: it })) };
  return entryFor(id, { bind: [`127.0.0.1:${port}`], protocol: "tls", tls });
}

const errorsOf = (applied: Applied): readonly string[] =>
  applied.kind === "applied"
    ? applied.errors.map(({ id, pointer, code }) => `${id} ${pointer} ${code}`)
    : ["superseded"];

test("a certificate is there before the balancer that names it starts, and goes after it", async () => {
  const { flows, store, apply } = setup();
  const there: boolean[] = [];
  flows.fails = () => {
    there.push(store.get("crt_a") !== undefined);
    return false;
  };
  const secrets = { [keyOf]: first.leaf.key };
  const applied = await apply([certificate(first, keyOf), shows("bal_a", 9001)], secrets);
  expect(errorsOf(applied)).toEqual([]);
  expect(store.get("crt_a")).toEqual({ certificatePem: first.chain, keyPem: first.leaf.key });
  await apply([]);
  expect(there).toEqual([true, true]);
  expect(store.get("crt_a")).toBeUndefined();
});

test("a renewal is told and touches no balancer", async () => {
  const { flows, store, apply } = setup();
  await apply([certificate(first, keyOf), shows("bal_a", 9001)], { [keyOf]: first.leaf.key });
  const before = [...flows.calls];
  const heard: string[] = [];
  store.onChange((ids) => heard.push(...ids));
  const entries = [certificate(second, otherKey), shows("bal_a", 9001)];
  const applied = await apply(entries, { [otherKey]: second.leaf.key });
  expect(errorsOf(applied)).toEqual([]);
  expect(flows.calls).toEqual(before);
  expect(heard).toEqual(["crt_a"]);
  expect(store.get("crt_a")?.keyPem).toBe(second.leaf.key);
});

test("a renewal that cannot be used leaves the one before, and is reported", async () => {
  const { flows, store, apply } = setup();
  await apply([certificate(first, keyOf), shows("bal_a", 9001)], { [keyOf]: first.leaf.key });
  const entries = [certificate(second, otherKey), shows("bal_a", 9001), shows("bal_b", 9002)];
  const wrongKey = await apply(entries, { [otherKey]: first.leaf.key });
  expect(errorsOf(wrongKey)).toEqual(["crt_a /chain certificate-unusable"]);
  expect(store.get("crt_a")?.certificatePem).toBe(first.chain);
  expect([...flows.serving.keys()].toSorted()).toEqual(["bal_a", "bal_b"]);
  const noKey = await apply(entries);
  expect(errorsOf(noKey)).toEqual(["crt_a /key secret-unavailable"]);
  expect(store.get("crt_a")?.certificatePem).toBe(first.chain);
  const right = await apply(entries, { [otherKey]: second.leaf.key });
  expect(errorsOf(right)).toEqual([]);
  expect(store.get("crt_a")?.certificatePem).toBe(second.chain);
});

test("a balancer whose certificate is not there is refused at its pointer, the others run", async () => {
  const { flows, apply } = setup();
  const entries = [
    certificate(first, keyOf),
    shows("bal_a", 9001, ["crt_a", "crt_b"]),
    shows("bal_c", 9002),
  ];
  const applied = await apply(entries, { [keyOf]: first.leaf.key });
  expect(errorsOf(applied)).toEqual([
    "bal_a /tls/certificates/1/certificate certificate-unavailable",
  ]);
  expect([...flows.serving.keys()]).toEqual(["bal_c"]);
});

test("a balancer that stays in an older form keeps the certificate that it names there", async () => {
  const { flows, store, apply } = setup();
  await apply([certificate(first, keyOf), shows("bal_a", 9001)], { [keyOf]: first.leaf.key });
  flows.fails = (what) => what === "update";
  const plain = entryFor("bal_a", { bind: ["127.0.0.1:9001", "127.0.0.1:9003"] });
  const applied = await apply([plain]);
  expect(errorsOf(applied)).not.toEqual([]);
  expect(store.get("crt_a")).toBeDefined();
});

test("an entry of a kind or a form that this agent does not know is refused by name", async () => {
  const { flows, apply } = setup();
  const entries = [
    entryOf("setting", "set_a", {}),
    entryOf("certificate", "crt_a", { schema: 2 }),
    entryFor("bal_a", { bind: ["127.0.0.1:9001"] }),
  ];
  expect(errorsOf(await apply(entries))).toEqual(["set_a  unknown-kind", "crt_a  unknown-form"]);
  expect([...flows.serving.keys()]).toEqual(["bal_a"]);
});
