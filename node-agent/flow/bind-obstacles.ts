import { parseBind } from "#shared/definition/bind.ts";
import { clashes } from "#shared/validation/bind-clash.ts";

import type { FlowProblem } from "../apply/flows.ts";
import type { AddressClaims } from "../engine/address-claims.ts";
import { listenAddressOf } from "../listen/listen-addresses.ts";
import { bindProblem } from "./bind-problem.ts";

export interface BindQuestion {
  /** Binds that somebody would like to have, as they are written. */
  readonly binds: readonly string[];
  /** Those that this process has: what they are in the way of cannot be told. */
  readonly own: readonly string[];
}

/** Which of these binds somebody outside of this process has, or the system refuses. */
export async function bindObstacles(
  claims: AddressClaims,
  { binds, own }: BindQuestion,
): Promise<readonly FlowProblem[]> {
  const found = await Promise.all(
    binds.map(async (text, index) => {
      if (own.some((bind) => bindsOverlap(bind, text))) return [];
      if (claims.isInherited(listenAddressOf(text))) return [];
      const outcome = await claims.claim(listenAddressOf(text));
      if (!outcome.ok) return [bindProblem({ text, pointer: `/bind/${index}`, outcome })];
      outcome.claim.release();
      return [];
    }),
  );
  return found.flat();
}

/** Whether the system would refuse to listen on both. What is spoken is TCP in either case. */
export function bindsOverlap(one: string, other: string): boolean {
  const spoken = (text: string) => ({ bind: parseBind(text), protocol: "tcp" as const });
  return clashes(spoken(one), spoken(other));
}
