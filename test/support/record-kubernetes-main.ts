import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import {
  create,
  ending,
  notReady,
  ready,
  remove,
  replace,
  selector,
  slice,
  slicesPath,
  versionOf,
} from "../node-agent/discover/kubernetes-scenario.ts";
import { startKubernetes } from "./kubernetes.ts";

/**
 * Records what a real API server answers, for tests where none is at hand:
 *
 *     MIDSTREAM_TEST_KUBERNETES=…/kube-apiserver npx node test/support/record-kubernetes-main.ts
 */
const cleanups: (() => Promise<void>)[] = [];
try {
  const program = process.env["MIDSTREAM_TEST_KUBERNETES"] ?? "kube-apiserver";
  const cluster = await startKubernetes((run) => void cleanups.push(run), program);
  const list = `${slicesPath}?${selector}`;
  const empty = await cluster.raw(list);
  const first = [
    { addresses: ["10.1.0.1"], conditions: ready, nodeName: "one", zone: "a" },
    { addresses: ["10.1.0.2"], conditions: notReady },
    { addresses: ["10.1.0.3"], conditions: ending },
    { addresses: ["10.1.0.4"] },
  ];
  await create(cluster, slice({ name: "web-4", endpoints: first }));
  const six = [{ addresses: ["fd00::1"], conditions: ready }];
  await create(cluster, slice({ name: "web-6", family: "IPv6", endpoints: six }));
  await create(cluster, slice({ name: "other", service: "other", endpoints: six, family: "IPv6" }));
  const listed = await cluster.raw(list);
  const newest = await cluster.raw(`${list}&limit=1`);
  const version = versionOf(newest.text);
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
  // It ends in order, and a bookmark comes before that.
  const watching = cluster.raw(`${list}&${query}&timeoutSeconds=5`);
  await replace(cluster, slice({ name: "web-4", endpoints: [{ addresses: ["10.1.0.9"] }] }));
  const more = [{ addresses: ["10.1.1.1"], conditions: ready }];
  await create(cluster, slice({ name: "web-more", endpoints: more }));
  await remove(cluster, "web-6");
  const watched = await watching;
  const changed = await cluster.raw(list);
  const cleanup = (run: () => Promise<void>): void => void cleanups.push(run);
  const forgetful = await startKubernetes(cleanup, program, { remembers: false });
  await create(forgetful, slice({ name: "web-4", endpoints: first }));
  await forgetful.forget();
  const gone = await forgetful.raw(`${list}&watch=1&resourceVersion=1&timeoutSeconds=5`);
  const kubernetes: unknown = JSON.parse((await cluster.raw("/version")).text);
  const recorded = { kubernetes, empty, listed, newest, watched, changed, gone };
  const file = join(import.meta.dirname, "../node-agent/discover/kubernetes-recorded.json");
  await writeFile(file, `${JSON.stringify(recorded, undefined, 2)}\n`);
} finally {
  for (const run of cleanups.toReversed()) await run();
}
