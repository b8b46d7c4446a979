import type { BalancerInput } from "#shared/definition/balancer.ts";

/** A definition that is right, as a tenant would write it. */
export function balancerInput(over: Partial<BalancerInput> = {}): BalancerInput {
  return {
    name: "web",
    bind: ["127.0.0.1:9000"],
    discovery: { kind: "static", backends: [{ host: "10.0.0.5", port: 80 }] },
    ...over,
  };
}
