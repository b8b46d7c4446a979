import type { Clock } from "#shared/base/clock.ts";
import type { Lifetime } from "#shared/base/lifetime.ts";

import type { Policy } from "../apply/policy.ts";
import type { RunConfig } from "../config.ts";
import type { ControlLink } from "../control-link/control-link.ts";
import type { Identity } from "../control-link/identity.ts";
import type { EngineChoice } from "../engine/choose-engine.ts";
import type { AccessLog } from "../runtime/access-log.ts";
import type { Disk } from "../runtime/disk.ts";
import type { Log } from "../runtime/log.ts";
import type { Inheritance } from "./inheritance.ts";

export interface AgentDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly disk: Disk;
  readonly log: Log;
  /** Where access logs go; undefined when this node writes none. */
  readonly accessLog: AccessLog | undefined;
  /** Owns everything that is started. */
  readonly life: Lifetime;
}

/** What the agent is made for. */
export interface AgentSettings {
  readonly config: RunConfig;
  readonly identity: Identity;
  readonly policy: Policy;
  readonly engine: EngineChoice;
  /** Of a process that takes another one's place. */
  readonly inheritance: Inheritance | undefined;
}

/** What a part needs of one that is made after it: events can come before there is a link. */
export interface LateParts {
  link: ControlLink | undefined;
}
