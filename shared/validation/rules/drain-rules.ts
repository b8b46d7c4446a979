import type { Problem } from "../../base/problem.ts";
import type { ManagedBackend } from "../../definition/managed-backend.ts";
import type { Parts } from "../parts.ts";

/** Each managed backend's `drainTimeout` belongs to a drain. */
export function drainRules({ right: { managedBackends = [] } }: Parts): readonly Problem[] {
  return managedBackends.flatMap((backend, index) =>
    drainProblems(backend).map((problem) => ({
      ...problem,
      pointer: `/managedBackends/${index}${problem.pointer}`,
    })),
  );
}

/** The same of one backend; pointers lead into it. */
export function drainProblems({
  state = "enabled",
  drainTimeout,
}: Pick<ManagedBackend, "state" | "drainTimeout">): readonly Problem[] {
  if (drainTimeout === undefined || state === "draining") return [];
  const detail = `is for the state draining; the state is ${state}`;
  return [{ pointer: "/drainTimeout", code: "conflict", detail }];
}
