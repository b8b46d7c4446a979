import type { FlowProblem } from "../apply/flows.ts";
import type { AddressClaim, AddressClaims } from "../engine/address-claims.ts";
import type { ListenerId } from "../engine/engine.ts";
import { bindProblem } from "./bind-problem.ts";
import type { WantedBind } from "./wanted-binds.ts";
import type { ListeningSocket } from "./worker-protocol.ts";
import type { Workers } from "./workers.ts";

export interface ClaimBindsDeps {
  readonly claims: AddressClaims;
  readonly nextListener: () => ListenerId;
  readonly workers: Workers;
}

/** An address of a bind that nobody else can listen on now. */
export interface ClaimedBind extends Pick<WantedBind, "text" | "address"> {
  readonly listener: ListenerId;
  readonly claim: AddressClaim;
  readonly inherited: InheritedSockets;
}

/** What another process has left to listen on. */
export interface InheritedSockets {
  /** By worker. */
  readonly first: ReadonlyMap<number, number>;
  /** More than there are workers: clients may wait in each of them, so each is a listener of its own. */
  readonly surplus: readonly (ListeningSocket & { readonly worker: number })[];
}

export type Claiming =
  | { readonly ok: true; readonly binds: readonly ClaimedBind[] }
  | { readonly ok: false; readonly problems: readonly FlowProblem[] };

/** Claims all of these addresses, or none. */
export async function claimBinds(
  deps: ClaimBindsDeps,
  wanted: readonly WantedBind[],
): Promise<Claiming> {
  const outcomes = await Promise.all(
    wanted.map(async ({ text, address, pointer, listener }) => {
      const outcome = await deps.claims.claim(address);
      if (!outcome.ok) {
        return { ok: false, problem: bindProblem({ text, pointer, outcome }) } as const;
      }
      const { claim } = outcome;
      const inherited = inheritedBy(deps, claim);
      const bind = { text, address, listener: listener ?? deps.nextListener(), claim, inherited };
      return { ok: true, bind } as const;
    }),
  );
  const binds = outcomes.flatMap((one) => (one.ok ? [one.bind] : []));
  const problems = outcomes.flatMap((one) => (one.ok ? [] : [one.problem]));
  if (problems.length === 0) return { ok: true, binds };
  releaseBinds(binds);
  return { ok: false, problems };
}

/** Lets others have the addresses again. */
export function releaseBinds(binds: readonly ClaimedBind[]): void {
  for (const { claim } of binds) claim.release();
}

/** The listeners of a bind: its own, and those of sockets that are left over. */
export function listenersOf({ listener, inherited }: ClaimedBind): readonly ListenerId[] {
  return [listener, ...inherited.surplus.map((socket) => socket.listener)];
}

function inheritedBy(
  { workers, nextListener }: ClaimBindsDeps,
  claim: AddressClaim,
): InheritedSockets {
  const sockets = claim.takeSockets();
  const ownMax = claim.address.kind === "unix" ? 1 : workers.count;
  const surplus = sockets.slice(ownMax).map((descriptor, index) => ({
    descriptor,
    worker: index % workers.count,
    listener: nextListener(),
  }));
  return { first: new Map(sockets.slice(0, ownMax).entries()), surplus };
}
