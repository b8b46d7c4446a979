import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { errorText } from "#shared/base/fault.ts";

import { buildNative } from "../../node-agent/engine/native/native-build.ts";
import { clusterSocketVariable, type ClusterAnswer } from "./cluster-socket.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

/**
 * One Postgres for the whole run, started when the first test file asks for it. Test files run in
 * processes of their own: they ask over a Unix socket that this process serves.
 */
export async function setup(): Promise<() => Promise<void>> {
  await buildNativeEngine();
  const folder = await mkdtemp(join(tmpdir(), "midstream-test-run-"));
  const path = join(folder, "cluster");
  let cluster: Promise<TestCluster> | undefined;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    cluster ??= startTestCluster();
    void answerOf(cluster).then((answer) => socket.end(JSON.stringify(answer)));
  });
  server.listen(path);
  await once(server, "listening");
  process.env[clusterSocketVariable] = path;
  return async () => {
    server.close();
    await (await cluster?.catch(() => undefined))?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Agents under test run the native engine as these sources make it, where there is a compiler. */
async function buildNativeEngine(): Promise<void> {
  const built = await buildNative();
  if (built.kind === "failed") {
    throw new Error(`the native engine does not build:\n${built.output}`);
  }
}

async function answerOf(cluster: Promise<TestCluster>): Promise<ClusterAnswer> {
  try {
    const { adminUrl, template } = await cluster;
    return { ok: true, adminUrl, template };
  } catch (error) {
    return { ok: false, why: errorText(error) };
  }
}
