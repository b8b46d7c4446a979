import type { z } from "zod";

import { systemClock } from "#shared/base/clock.ts";
import { healthcheckSchema } from "#shared/definition/healthcheck/healthcheck.ts";

import { createChecking } from "../../node-agent/health/create-checking.ts";
import { CheckGate } from "../../node-agent/health/gated-probe.ts";
import type { ProbeDeps } from "../../node-agent/health/probe-of.ts";
import type { Probe, ProbeResult, ProbeTarget } from "../../node-agent/health/probe.ts";
import { NameLookup } from "../../node-agent/runtime/name-lookup.ts";
import { usualAuthorities } from "../../node-agent/runtime/usual-authorities.ts";

/** What checks are made of: real time unless given, and room for a hundred of each sort. */
export function testProbes(given: Partial<ProbeDeps> = {}): ProbeDeps {
  return {
    clock: systemClock(),
    lookup: new NameLookup({ clock: systemClock() }).forSockets,
    authorities: usualAuthorities(),
    gates: { sockets: new CheckGate(100), programs: new CheckGate(100) },
    ...given,
  };
}

export type CheckInput = z.input<typeof healthcheckSchema>;

/** What a definition's check does. Its timeout is long unless it says otherwise. */
export function testProbe(check: CheckInput, given: Partial<ProbeDeps> = {}): Probe {
  const definition = healthcheckSchema.parse({ timeout: "30s", ...check });
  const checking = createChecking(testProbes(given), definition);
  if (checking === undefined) throw new Error("a check that does nothing");
  return (target, signal) => checking.probe(checking.targetOf(target), signal);
}

/** The result of one check. */
function checkOnce(check: CheckInput, target: ProbeTarget): Promise<ProbeResult> {
  return testProbe(check)(target, new AbortController().signal);
}

/** Verdict and reason, `passed` or `failed: timeout`. */
export async function verdictOf(check: CheckInput, target: ProbeTarget): Promise<string> {
  const result = await checkOnce(check, target);
  return result.verdict === "passed" ? "passed" : `${result.verdict}: ${result.detail}`;
}
