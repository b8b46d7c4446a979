import type { LookupFunction } from "node:net";

import type { Clock } from "#shared/base/clock.ts";
import { durationMs } from "#shared/base/duration.ts";
import type { DiscoveryKind, Source } from "#shared/definition/discovery/discovery.ts";

import { awsSource } from "./aws/aws-source.ts";
import { consulSource } from "./consul.ts";
import type { DiscoveryLoopOptions } from "./discovery-loop.ts";
import type { DiscoverySource } from "./discovery.ts";
import { dockerSource } from "./docker/docker.ts";
import { judgingEmptyAnswers } from "./empty-answer.ts";
import { etcdSource } from "./etcd.ts";
import { execSource } from "./exec.ts";
import { jsonSource } from "./json.ts";
import { ownCluster } from "./kubernetes/kubernetes-api.ts";
import { kubernetesSource } from "./kubernetes/kubernetes.ts";
import { lxdSource } from "./lxd/lxd.ts";
import { leavingOutOwn, type LeaveOutOwn } from "./own-backends.ts";
import { plaintextSource } from "./plaintext.ts";
import { srvSource } from "./srv.ts";
import { staticSource } from "./static.ts";

/** The kinds of discovery that this agent knows. */
export const discoveryKinds = [
  "static",
  "srv",
  "docker",
  "json",
  "exec",
  "plaintext",
  "consul",
  "lxd",
  "etcd",
  "kubernetes",
  "ec2",
  "ecs",
  "cloudmap",
  "multi",
] as const satisfies readonly DiscoveryKind[];

/** What a balancer's backends are spoken to with: it tells published ports apart. */
export type Transport = "tcp" | "udp";

export interface CreateSourceDeps {
  readonly clock: Clock;
  /** Turns the names of sources into addresses. */
  readonly lookup: LookupFunction;
  readonly transport: Transport;
  /** Leaves the balancer itself out of what is found. */
  readonly leaveOutOwn: LeaveOutOwn;
}

/** The source that a definition describes, its secrets revealed. Nothing is asked yet. */
export function createSource(deps: CreateSourceDeps, definition: Source): DiscoverySource {
  const source = leavingOutOwn(sourceOfKind(deps, definition), deps.leaveOutOwn);
  return judgingEmptyAnswers(source, definition);
}

function sourceOfKind(
  { clock, lookup, transport }: Omit<CreateSourceDeps, "leaveOutOwn">,
  definition: Source,
): DiscoverySource {
  if ("region" in definition) return awsSource({ lookup, transport }, definition);
  switch (definition.kind) {
    case "static":
      return staticSource(definition);
    case "srv":
      return srvSource({ clock, lookup }, definition);
    case "docker":
      return dockerSource({ clock, lookup, transport }, definition);
    case "json":
      return jsonSource(lookup, definition);
    case "exec":
      return execSource(definition);
    case "plaintext":
      return plaintextSource(lookup, definition);
    case "consul":
      return consulSource({ clock, lookup }, definition);
    case "lxd":
      return lxdSource({ clock, lookup }, definition);
    case "etcd":
      return etcdSource({ clock, lookup }, definition);
    case "kubernetes":
      return kubernetesSource({ clock, lookup, transport, own: ownCluster }, definition);
  }
}

/** How often and how long a source is asked, and what a failure means. */
export function sourceTerms(
  definition: Source,
): Omit<DiscoveryLoopOptions, "onBackends" | "onEvent"> {
  if (definition.kind === "static") return { intervalMs: 0, timeoutMs: 0, failPolicy: "keeplast" };
  const { interval, timeout, failPolicy, shrinkGuard } = definition;
  const { percent, hold } = shrinkGuard ?? {};
  const holdMs = hold === undefined ? 0 : durationMs(hold);
  return {
    intervalMs: durationMs(interval),
    timeoutMs: durationMs(timeout),
    failPolicy,
    ...(percent === undefined ? {} : { shrink: { percent, holdMs } }),
  };
}
