/**
 * Stores one snapshot after the other until it is killed, and prints the revision of each that is
 * stored. Run as a process of its own: `store-writer-main.ts FOLDER KEYPAIR_JSON`.
 */
import { createSnapshotStore } from "../../node-agent/control-link/snapshot-store.ts";
import { hostDisk } from "../../node-agent/runtime/disk.ts";
import { entryFor } from "../node-agent/apply/balancers.ts";
import { Publisher } from "./publisher.ts";

const [folder = "", keys = ""] = process.argv.slice(2);
const publisher = new Publisher(JSON.parse(keys) as { publicKey: string; privateKey: string });
const store = createSnapshotStore(hostDisk(), folder, publisher.owner());
const found = await store.start();
await store.ended();
for (let rev = (found.snapshot?.version.rev ?? 0) + 1; ; rev += 1) {
  const snapshot = publisher.snapshot(rev, [entryFor("bal_a", { name: `rev-${rev}` })]);
  await store.put(snapshot);
  if (rev % 3 === 0) await store.proven(snapshot.version);
  process.stdout.write(`${rev}\n`);
}
