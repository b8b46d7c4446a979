import { join } from "node:path";

import { newKeyPair, type KeyPairText } from "#shared/snapshot/keys.ts";
import type { Snapshot } from "#shared/snapshot/snapshot.ts";

import { writeIdentity, type Identity } from "../../node-agent/control-link/identity.ts";
import { createSnapshotStore } from "../../node-agent/control-link/snapshot-store.ts";
import { hostDisk } from "../../node-agent/runtime/disk.ts";
import { startProcess, type Cleanup, type RunningProcess } from "./processes.ts";
import { Publisher } from "./publisher.ts";
import { ScriptedControl } from "./scripted-control.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A node that has joined a scripted control plane, and agents of it as real processes. */
export interface AgentUnderTest {
  readonly folder: string;
  readonly identity: Identity;
  readonly publisher: Publisher;
  readonly control: ScriptedControl;
  /** Lays snapshots on the node's disk, as an earlier run would have; the last one is current. */
  store(...snapshots: readonly Snapshot[]): Promise<void>;
  /** Starts `run` and waits until it says that it is ready. */
  run(...args: readonly string[]): Promise<RunningAgent>;
  /** Starts `run` and waits for nothing. */
  start(...args: readonly string[]): RunningProcess;
}

export interface RunningAgent {
  readonly process: RunningProcess;
  /** Base URL of its status port. */
  readonly adminUrl: string;
  readonly ready: Readonly<Record<string, unknown>>;
}

export interface AgentOptions {
  /** For the agent's processes. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Everything is taken away by `cleanup`. */
export async function agentUnderTest(
  cleanup: Cleanup,
  { environment = {} }: AgentOptions = {},
): Promise<AgentUnderTest> {
  const signing = newKeyPair("ed25519");
  const publisher = new Publisher();
  const control = await ScriptedControl.start(signing.publicKey);
  cleanup(() => control.stop());
  const folder = await temporaryFolder(cleanup);
  const identity = identityOf(control, publisher, signing);
  await writeIdentity(hostDisk(), folder, identity);
  const start = (...args: readonly string[]): RunningProcess =>
    startProcess(cleanup, {
      name: "agent",
      command: ["node-agent/main.ts", "run", "--data", folder, "--admin", "127.0.0.1:0", ...args],
      environment,
    });
  return {
    folder,
    identity,
    publisher,
    control,
    start,
    run: async (...args) => {
      const running = start(...args);
      const ready = await running.ready();
      return { process: running, adminUrl: adminUrlOf(ready), ready };
    },
    store: async (...snapshots) => {
      const path = join(folder, "snapshots");
      const store = createSnapshotStore(hostDisk(), path, publisher.owner());
      await store.start();
      for (const snapshot of snapshots) await store.put(snapshot);
      await store.ended();
    },
  };
}

function identityOf(
  control: ScriptedControl,
  publisher: Publisher,
  signing: KeyPairText,
): Identity {
  return {
    schema: 1,
    control: control.url,
    node: "nod_a",
    tenant: publisher.tenant,
    group: publisher.group,
    epoch: 1,
    signingKeys: [publisher.publicKey],
    labels: {},
    ca: null,
    signing,
    receiving: newKeyPair("x25519"),
  };
}

function adminUrlOf(ready: Readonly<Record<string, unknown>>): string {
  const { admin } = ready as { readonly admin?: { readonly host: string; readonly port: number } };
  return admin === undefined || admin === null ? "" : `http://${admin.host}:${admin.port}`;
}
