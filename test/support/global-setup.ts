import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { errorText } from "#shared/base/fault.ts";

import { clusterSocketVariable, type ClusterAnswer } from "./cluster-socket.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

/**
 * One Postgres for the whole run, started when the first test file asks for it. Test files run in
 * processes of their own: they ask over a Unix socket that this process serves.
 */
export async function setup(): Promise<() => Promise<void>> {
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

async function answerOf(cluster: Promise<TestCluster>): Promise<ClusterAnswer> {
  try {
    const { adminUrl, template } = await cluster;
    return { ok: true, adminUrl, template };
  } catch (error) {
    return { ok: false, why: errorText(error) };
  }
}
