import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import type { Report } from "#shared/measures/report.ts";
import { newKeyPair, privateKeyOf, type KeyPairText } from "#shared/snapshot/keys.ts";
import type { StatisticsMark } from "#shared/wire/control-frames.ts";

import { Applier } from "../../../node-agent/apply/applier.ts";
import { defaultPolicy } from "../../../node-agent/apply/policy.ts";
import { CertificateStore } from "../../../node-agent/certificates/certificate-store.ts";
import { ControlLink } from "../../../node-agent/control-link/control-link.ts";
import { linkAddress } from "../../../node-agent/control-link/control-url.ts";
import { fetchSnapshot } from "../../../node-agent/control-link/fetch-snapshot.ts";
import { openGenerations } from "../../../node-agent/control-link/generation.ts";
import { Intake } from "../../../node-agent/control-link/intake.ts";
import { openLinkSocket } from "../../../node-agent/control-link/link-socket.ts";
import { createNodeSigner } from "../../../node-agent/control-link/node-signer.ts";
import { createSnapshotKeeper } from "../../../node-agent/control-link/snapshot-keeper.ts";
import { createSnapshotStore } from "../../../node-agent/control-link/snapshot-store.ts";
import { hostDisk, type Disk } from "../../../node-agent/runtime/disk.ts";
import { silentLog } from "../../../node-agent/runtime/log.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { Publisher } from "../../support/publisher.ts";
import { ScriptedControl } from "../../support/scripted-control.ts";
import type { TestCertificate } from "../../support/test-certificates.ts";
import { FakeFlows } from "../apply/fake-flows.ts";

export interface NodeKeys {
  readonly signing: KeyPairText;
  readonly receiving: KeyPairText;
}

function newNodeKeys(): NodeKeys {
  return { signing: newKeyPair("ed25519"), receiving: newKeyPair("x25519") };
}

/** A node's control side, whole, with a data plane that only keeps books. */
export interface NodeUnderTest {
  readonly link: ControlLink;
  readonly applier: Applier;
  readonly flows: FakeFlows;
  readonly clock: FakeClock;
  readonly marks: StatisticsMark[];
  readonly boot: { id: string };
  readonly report: (seq: number) => Report;
  readonly stop: () => Promise<void>;
}

export interface NodeOptions {
  readonly control: string;
  readonly publisher: Publisher;
  readonly keys: NodeKeys;
  readonly folder: string;
  readonly disk?: Disk;
  readonly epochMin?: number;
  readonly clock?: FakeClock;
  readonly ca?: string;
}

export const nodeId = "nod_a";

export async function startNode(options: NodeOptions): Promise<NodeUnderTest> {
  const { keys, publisher, folder } = options;
  const disk = options.disk ?? hostDisk();
  const clock = options.clock ?? new FakeClock(Date.now());
  const random = (): number => 0.5;
  const log = silentLog();
  const owner = publisher.owner();
  const signer = createNodeSigner(clock, { node: nodeId, signing: keys.signing });
  const generations = await openGenerations(disk, folder, clock);
  const flows = new FakeFlows();
  const holder: { link: ControlLink | undefined } = { link: undefined };
  const applier = new Applier({
    certificates: new CertificateStore(),
    flows,
    terms: { policy: defaultPolicy(), capabilities: new Set(capabilities) },
    clock,
    random,
    log,
    onEvent: (event) => holder.link?.report(event),
    onChange: (recovered, errors) => holder.link?.fares(recovered, errors),
  });
  const store = createSnapshotStore(disk, join(folder, "snapshots"), owner);
  const keeper = createSnapshotKeeper({
    store,
    clock,
    random,
    onDurability: (durable) => holder.link?.durability(durable),
  });
  const receiving = {
    publicKey: keys.receiving.publicKey,
    privateKey: privateKeyOf(keys.receiving.privateKey),
  };
  const source = {
    control: options.control,
    ca: options.ca,
    signer,
    generation: () => generations.current(),
  };
  const intake = new Intake({
    owner,
    secrets: { node: nodeId, receiving, trusted: owner.trusted },
    store,
    keeper,
    fetch: (ref) => fetchSnapshot(source, ref),
    apply: (wanted) => applier.apply(wanted),
    clock,
    log,
  });
  const found = await intake.load();
  const marks: StatisticsMark[] = [];
  const boot = { id: "boot" };
  const link = new ControlLink(
    {
      clock,
      random,
      log,
      openSocket: openLinkSocket,
      signer,
      generations,
      intake,
      answer: () => Promise.resolve({ code: "busy", result: null }),
      reports: {
        bootId: () => boot.id,
        linked: (mark) => marks.push(mark),
        marked: (mark) => marks.push(mark),
      },
      usage: () => ({ rssBytes: 1, cpuShare: 0, connections: 0 }),
    },
    {
      url: linkAddress(options.control),
      ca: options.ca,
      epochMin: options.epochMin ?? 1,
      introduction: { agent: "0.1.0", capabilities, os: "linux", hostname: "host", labels: {} },
    },
  );
  holder.link = link;
  void intake.resume();
  link.start({ running: found.snapshot?.version ?? null, durable: true });
  const stop = async (): Promise<void> => {
    await link.stop();
    intake.stop();
    await keeper.stop();
    await applier.stop();
  };
  onTestFinished(stop);
  return {
    link,
    applier,
    flows,
    clock,
    marks,
    boot,
    stop,
    report: (seq) => reportOf(boot.id, seq),
  };
}

/** A control plane, a publisher and a folder for a node, all taken away after the test. */
export async function startControl(tls?: TestCertificate): Promise<{
  readonly control: ScriptedControl;
  readonly node: NodeOptions;
  readonly publisher: Publisher;
}> {
  const keys = newNodeKeys();
  const publisher = new Publisher();
  const control = await ScriptedControl.start(
    keys.signing.publicKey,
    tls === undefined ? {} : { tls },
  );
  onTestFinished(() => control.stop());
  const folder = await mkdtemp(join(tmpdir(), "midstream-node-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return { control, publisher, node: { control: control.url, publisher, keys, folder } };
}

const capabilities = [
  "protocol:tcp",
  "strategy:weight",
  "discovery:static",
  "discovery:consul",
  "healthcheck:ping",
  "bind:address",
];

function reportOf(bootId: string, seq: number): Report {
  const columns = { counterColumns: ["connections"], gaugeColumns: [] };
  const row = { balancer: "bal_a", backend: "", counters: [seq], gauges: [] };
  return { bootId, seq, fromMs: 0, toMs: 1, dropped: 0, ...columns, rows: [row] };
}
