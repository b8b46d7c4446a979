import type { CommandFrame } from "#shared/wire/control-frames.ts";
import { healthArgsSchema, type HealthArgs, type HealthResult } from "#shared/wire/health.ts";

export interface HealthDeskDeps {
  /** What is known of a balancer; undefined when it does not run here. */
  readonly health: (asked: HealthArgs) => HealthResult | undefined;
}

export type HealthAnswer =
  | { readonly code: "done"; readonly result: HealthResult }
  | { readonly code: "bad-args" | "not-running"; readonly result: null };

/**
 * Answers what is known of a balancer's backends. Nothing is looked for and nothing changes, so that
 * the link's own proof of who asks is enough.
 */
export function answerHealth({ health }: HealthDeskDeps, { args }: CommandFrame): HealthAnswer {
  const asked = healthArgsSchema.safeParse(args);
  if (!asked.success) return { code: "bad-args", result: null };
  const result = health(asked.data);
  return result === undefined ? { code: "not-running", result: null } : { code: "done", result };
}
