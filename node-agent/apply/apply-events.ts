import type { NodeEvent } from "#shared/wire/node-frames.ts";

import type { Failing, FailingBalancers } from "./running.ts";

/** Something that applying found out, told once when it flips. */
export type ApplyEvent = Omit<NodeEvent, "atMs">;

/** What flipped between two moments: balancers that fail now, and those that no longer do. */
export function applyEvents(
  before: FailingBalancers,
  after: FailingBalancers,
): readonly ApplyEvent[] {
  const failed = [...after].flatMap(([id, failing]) =>
    before.has(id) ? [] : eventsOf(id, failing),
  );
  const recovered = [...before].flatMap(([id, failing]) =>
    failing.retry && !after.has(id) ? [event(`${lackOf(failing)}.recovered`, id, "")] : [],
  );
  return [...failed, ...recovered];
}

function eventsOf(id: string, failing: Failing): readonly ApplyEvent[] {
  const { problems, retry } = failing;
  const [first] = problems;
  if (first === undefined) return [];
  const detail = `${first.code} at ${first.pointer}: ${first.detail}`;
  if (retry) return [event(`${lackOf(failing)}.failed`, id, detail)];
  const denied = problems.some(({ code }) => code === "denied-by-policy");
  return denied ? [event("policy.denied", id, detail)] : [];
}

/** What of the host a balancer that is tried again cannot have: by the first of its problems. */
function lackOf({ problems }: Failing): "bind" | "certificates" {
  const [first] = problems;
  const isOfTls = /^\/(tls|backendTls)\//.test(first?.pointer ?? "");
  return isOfTls ? "certificates" : "bind";
}

function event(kind: NodeEvent["kind"], balancer: string, detail: string): ApplyEvent {
  return { kind, balancer, backend: null, detail };
}
