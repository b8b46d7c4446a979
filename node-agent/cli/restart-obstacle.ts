import type { RunConfig } from "../config.ts";
import type { Agent } from "./start-agent.ts";

export interface RestartQuestion {
  readonly config: Pick<RunConfig, "pidFile">;
  readonly agent: Pick<Agent, "link" | "succession">;
  /** It serves, and has its status port. */
  readonly isUp: boolean;
}

/** Why this agent cannot hand over to another process now, and what to do instead; undefined when it can. */
export function restartObstacle({ config, agent, isUp }: RestartQuestion): string | undefined {
  if (process.platform !== "linux") return "only Linux lets a process take listening sockets over";
  if (process.pid === 1) {
    return "it is process 1 of its container, which ends with it: start another container beside it, or replace it";
  }
  if (config.pidFile === undefined) {
    return (
      "it was started without --pid-file, so whoever started it would take the handover for its end: " +
      "stop and start it, or run it under a supervisor that follows a pid file (infra/systemd)"
    );
  }
  if (!isUp) return "it is not up yet";
  if (agent.succession.hasPredecessor) {
    return "the agent before this one still drains, try again later";
  }
  if (!agent.link.view().durable) return "what runs is not on disk, a new process would serve less";
  return undefined;
}
