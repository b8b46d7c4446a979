import type { FlowProblem } from "../apply/flows.ts";
import type { AddressClaims } from "../engine/address-claims.ts";
import { addressesOverlap, listenAddressesOf } from "../listen/listen-addresses.ts";
import { bindProblem } from "./bind-problem.ts";
import type { SpokenBinds } from "./wanted-binds.ts";

export interface BindQuestion {
  /** Binds that somebody would like to have, as they are written. */
  readonly wanted: SpokenBinds;
  /** Those that this process has: what they are in the way of cannot be told. */
  readonly own: readonly SpokenBinds[];
}

/** Which of these binds somebody outside of this process has, or the system refuses. */
export async function bindObstacles(
  claims: AddressClaims,
  { wanted: { bind, protocol }, own }: BindQuestion,
): Promise<readonly FlowProblem[]> {
  const taken = own.flatMap(({ bind: texts, ...spoken }) =>
    texts.flatMap((text) => listenAddressesOf(text, spoken.protocol)),
  );
  const found = await Promise.all(
    bind.map(async (text, index) => {
      const addresses = listenAddressesOf(text, protocol).filter(
        (address) => !taken.some((one) => addressesOverlap(one, address)),
      );
      const pointer = `/bind/${index}`;
      const each = addresses.map(async (address) => {
        if (claims.isInherited(address)) return [];
        const outcome = await claims.claim(address);
        if (!outcome.ok) return [bindProblem({ text, pointer, outcome })];
        outcome.claim.release();
        return [];
      });
      // Of a range the first obstacle is told.
      return (await Promise.all(each)).flat().slice(0, 1);
    }),
  );
  return found.flat();
}

/** Whether the system would refuse to listen on both. */
export function bindsOverlap(one: SpokenBinds, other: SpokenBinds): boolean {
  const addresses = other.bind.flatMap((text) => listenAddressesOf(text, other.protocol));
  return one.bind.some((text) =>
    listenAddressesOf(text, one.protocol).some((address) =>
      addresses.some((taken) => addressesOverlap(taken, address)),
    ),
  );
}
