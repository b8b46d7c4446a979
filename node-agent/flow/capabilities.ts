import type { Capability } from "#shared/definition/capability.ts";
import { healthcheckOptions } from "#shared/definition/healthcheck/healthcheck.ts";

import { discoveryKinds } from "../discover/create-source.ts";
import { strategyNames, strategyOptionNames } from "../elect/elect.ts";
import { healthcheckKinds } from "../health/create-checking.ts";
import { bindKinds } from "../listen/listen-addresses.ts";

/** What this agent's data plane can do; a balancer that needs more is refused by name. */
export const capabilities: ReadonlySet<Capability> = new Set<Capability>([
  "protocol:tcp",
  "idle:one-way",
  "limits:per-client",
  "cut-on-backend-loss",
  "backend:unix",
  "section:access",
  "section:accessLog",
  "section:managedBackends",
  "section:ejection",
  ...healthcheckOptions.map((name) => `healthcheck-option:${name}` as const),
  ...bindKinds,
  ...strategyNames.map((name) => `strategy:${name}` as const),
  ...strategyOptionNames.map((name) => `strategy-option:${name}` as const),
  ...discoveryKinds.map((kind) => `discovery:${kind}` as const),
  ...healthcheckKinds.map((kind) => `healthcheck:${kind}` as const),
]);
