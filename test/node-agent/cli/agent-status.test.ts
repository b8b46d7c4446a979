import { expect, test } from "vitest";

import { agentStatus, type StatusParts } from "../../../node-agent/cli/agent-status.ts";
import { nodeEventOf } from "../../../node-agent/cli/node-events.ts";
import type { BalancerStatus } from "../../../node-agent/flow/balancer-status.ts";

test("without a worker the agent is halted, and its balancers fail with the reason", () => {
  const serving = agentStatus(parts({ wanted: 2, present: 1, lastLoss: "out of memory" }));
  expect([serving.phase, serving.balancers[0]?.state]).toEqual(["serving", "serving"]);

  const halted = agentStatus(parts({ wanted: 2, present: 0, lastLoss: "out of memory" }));

  expect(halted.phase).toBe("halted");
  expect(halted.workers).toEqual({ wanted: 2, present: 0, lastLoss: "out of memory" });
  const problem = { pointer: "", code: "worker-lost", detail: "no worker is left: out of memory" };
  expect(halted.balancers).toMatchObject([{ state: "failing", problems: [problem] }]);
});

test("an agent that drains says so, with or without workers", () => {
  const status = agentStatus({
    ...parts({ wanted: 1, present: 0, lastLoss: "gone" }),
    draining: true,
  });
  expect(status.phase).toBe("draining");
});

test("the control plane hears that nobody accepts any more, and that a worker is back", () => {
  const nowhere = { balancer: null, backend: null };
  expect(nodeEventOf({ kind: "serving.halted", detail: "gone" })).toEqual({
    ...nowhere,
    kind: "bind.failed",
    detail: "no worker is left: gone",
  });
  expect(nodeEventOf({ kind: "serving.resumed" })).toMatchObject({
    ...nowhere,
    kind: "bind.recovered",
  });
});

test("the control plane hears that a worker cannot listen, and that all of them do again", () => {
  const balancer = "bal_web";
  const lost = { kind: "listener.lost", balancer, code: "EADDRINUSE", detail: "taken" } as const;
  expect(nodeEventOf(lost)).toEqual({
    kind: "bind.failed",
    balancer,
    backend: null,
    detail: "EADDRINUSE: taken",
  });
  expect(nodeEventOf({ kind: "listener.recovered", balancer })).toMatchObject({
    kind: "bind.recovered",
    balancer,
  });
});

function parts(workers: StatusParts["workers"]): StatusParts {
  const version = { epoch: 1, rev: 7, root: "a".repeat(64) };
  const applied: Pick<StatusParts["applied"], "version" | "failing"> = {
    version,
    failing: new Map(),
  };
  return {
    draining: false,
    accessLog: null,
    restarts: { handovers: 0, predecessor: null, failed: 0, lastFailure: null },
    uptimeMs: 1,
    driver: "native",
    workers,
    identity: { node: "nod_a", group: "grp_a", control: "http://127.0.0.1:8080" },
    link: { stage: "open", opened: 1, durable: true } as StatusParts["link"],
    reverted: undefined,
    applied: applied as StatusParts["applied"],
    balancers: [balancer],
  };
}

const balancer: BalancerStatus = {
  id: "bal_a",
  name: "web",
  phase: "serving",
  binds: ["127.0.0.1:9000"],
  openConnections: 0,
  backends: [],
  sources: [],
  certificates: { problems: [], ends: [] },
} as unknown as BalancerStatus;
