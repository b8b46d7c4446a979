import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { kubernetesSource } from "../../../node-agent/discover/kubernetes/kubernetes.ts";
import { bestRound } from "../../support/best-round.ts";
import { eventually } from "../../support/eventually.ts";
import { startKubernetes, type Kubernetes } from "../../support/kubernetes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { create, ready, remove, replace, slice } from "./kubernetes-scenario.ts";
import { loopOver, showsMs } from "./loop-over.ts";
import { definedSource, fetchOnce, sourceDeps, sourceOf, targetsOf } from "./source-under-test.ts";

const endpointsAt = (...addresses: readonly string[]) =>
  addresses.map((address) => ({ addresses: [address], conditions: ready }));

/** Defines the tests that ask a real API server of this program. */
export function testRealKubernetes(program: string): void {
  test(
    "X-DSC-13 slices of a real API server: changes show within 1 s, with an administrator's token and a service account's",
    { timeout: 240_000 },
    async () => {
      const cluster = await startKubernetes(onTestFinished, program);
      const tls = { rootCa: { pem: cluster.ca } };
      const terms = { kind: "kubernetes", apiServer: cluster.origin, tls, serviceName: "web" };
      const discovery = { ...terms, port: "http", bearerToken: cluster.token };
      await create(cluster, slice({ name: "web-a", endpoints: endpointsAt("10.1.0.1") }));
      expect(targetsOf(await fetchOnce(discovery))).toEqual(["10.1.0.1:8080"]);
      for (const source of [sourceOf(discovery), await insideOf(cluster)]) {
        const watched = loopOver(source, { intervalMs: 3_600_000 });
        await eventually(() => watched.loop.status().isWatched === true);
        const tookMs = await bestRound(1_000, async () => {
          await create(cluster, slice({ name: "web-b", endpoints: endpointsAt("10.1.0.2") }));
          const comesMs = await showsMs(watched, ["10.1.0.1:8080", "10.1.0.2:8080"]);
          const grown = endpointsAt("10.1.0.2", "10.1.0.3");
          await replace(cluster, slice({ name: "web-b", endpoints: grown }));
          const all = ["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080"];
          const growsMs = await showsMs(watched, all);
          await remove(cluster, "web-b");
          return Math.max(comesMs, growsMs, await showsMs(watched, ["10.1.0.1:8080"]));
        });
        expect(tookMs).toBeLessThanOrEqual(1_000);
      }
      const wrong = await fetchOnce({ ...discovery, bearerToken: "wrong" });
      expect(wrong).toMatchObject({ ok: false, code: "bad-status" });
    },
  );
}

/** A source as a pod has it whose service account may read slices and nothing else. */
async function insideOf(cluster: Kubernetes) {
  const folder = join(await temporaryFolder(onTestFinished), "serviceaccount");
  await mkdir(folder);
  const named = (name: string) => ({ metadata: { name } });
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await cluster.call("POST", accounts, named("midstream"));
  const rights = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const rules = [
    {
      apiGroups: ["discovery.k8s.io"],
      resources: ["endpointslices"],
      verbs: ["list", "watch"],
    },
  ];
  await cluster.call("POST", `${rights}/roles`, { ...named("slices"), rules });
  await cluster.call("POST", `${rights}/rolebindings`, {
    ...named("slices"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "slices" },
    subjects: [{ kind: "ServiceAccount", name: "midstream", namespace: "default" }],
  });
  const { text } = await cluster.call("POST", `${accounts}/midstream/token`, { spec: {} });
  const { status } = z.object({ status: z.object({ token: z.string() }) }).parse(JSON.parse(text));
  await writeFile(join(folder, "token"), status.token);
  await writeFile(join(folder, "ca.crt"), cluster.ca);
  const defined = definedSource({ kind: "kubernetes", serviceName: "web", port: "http" });
  if (defined.kind !== "kubernetes") throw new Error("another kind");
  const own = { origin: cluster.origin, folder };
  return kubernetesSource({ ...sourceDeps, transport: "tcp", own }, defined);
}
