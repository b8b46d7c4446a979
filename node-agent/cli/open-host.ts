import { join } from "node:path";

import { readPolicyFile } from "../apply/policy-file.ts";
import type { Policy } from "../apply/policy.ts";
import type { RunConfig } from "../config.ts";
import { readControlUrl } from "../control-link/control-url.ts";
import { readIdentity, type Identity } from "../control-link/identity.ts";
import { chooseEngine, type EngineChoice } from "../engine/choose-engine.ts";
import type { Disk } from "../runtime/disk.ts";
import type { Log } from "../runtime/log.ts";

/** Who this host is, what may be done on it, and what moves its bytes. */
export interface Host {
  readonly identity: Identity;
  readonly policy: Policy;
  readonly engine: EngineChoice;
}

export type OpenedHost =
  | ({ readonly ok: true } & Host)
  /** Everything that keeps the agent from running, for people. */
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Reads the node's identity and its local policy.
 *
 * @throws Fault `control-link/bad-identity` when the identity is damaged
 */
export async function openHost(disk: Disk, log: Log, config: RunConfig): Promise<OpenedHost> {
  const { dataFolder } = config;
  const identity = withControl(await readIdentity(disk, dataFolder), config.control);
  const policyPath = config.policyFile ?? join(dataFolder, "policy.json");
  const required = config.policyFile !== undefined;
  const policy = await readPolicyFile(disk, policyPath, { required });
  const engine = chooseEngine(config.relay, config.addonFile);
  const problems = [
    ...identityProblems(identity, config),
    ...(engine.ok ? [] : [`--relay native: ${engine.detail}`]),
    ...(policy.ok ? [] : policy.problems).map(
      ({ pointer, detail }) => `${policyPath}${pointer === "" ? "" : ` ${pointer}`}: ${detail}`,
    ),
  ];
  if (problems.length > 0 || identity === undefined || !policy.ok || !engine.ok) {
    return { ok: false, problems };
  }
  if (engine.instead !== undefined) {
    log.warn({ why: engine.instead }, "no native engine here: the portable one relays");
  }
  if (policy.writableByOthers) {
    log.warn({ file: policyPath }, "others may change the local policy: take their rights away");
  }
  log.info({ file: policy.found ? policyPath : null }, "local policy read");
  return { ok: true, identity, policy: policy.policy, engine: engine.choice };
}

function withControl(joined: Identity | undefined, moved: URL | undefined): Identity | undefined {
  if (joined === undefined || moved === undefined) return joined;
  return { ...joined, control: moved.href };
}

function identityProblems(identity: Identity | undefined, config: RunConfig): readonly string[] {
  if (identity === undefined) {
    return [
      `no node has joined in ${config.dataFolder}: begin with join --data ${config.dataFolder}`,
    ];
  }
  const control = readControlUrl(identity.control, config.insecure);
  if (control.ok || control.problem !== "insecure") return [];
  return [
    `${identity.control} is plain http to another host, which can be read on the way: ` +
      "use https, or allow it with --insecure",
  ];
}
