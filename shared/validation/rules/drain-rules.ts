import type { Problem } from "../../base/problem.ts";
import type { Parts } from "../parts.ts";

/** Each managed backend's `drainTimeout` belongs to a drain. */
export function drainRules({ right: { managedBackends = [] } }: Parts): readonly Problem[] {
  return managedBackends.flatMap(({ state = "enabled", drainTimeout }, index) => {
    if (drainTimeout === undefined || state === "draining") return [];
    const pointer = `/managedBackends/${index}/drainTimeout`;
    const detail = `is for the state draining; the state is ${state}`;
    return [{ pointer, code: "conflict", detail }];
  });
}
