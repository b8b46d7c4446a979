import { steadyClients, type SteadyClientsEnd } from "./steady-clients.ts";

export interface Traffic {
  /** What became of all clients. */
  stop(): Promise<SteadyClientsEnd>;
}

/** Clients of all these ports, one after the other, until it is stopped. */
export function startTraffic(
  targets: readonly number[],
  { perSecond = 20 }: { readonly perSecond?: number } = {},
): Traffic {
  let isOver = false;
  const rounds = async (): Promise<SteadyClientsEnd> => {
    let sum: SteadyClientsEnd = { answered: 0, wrong: {}, slowestMs: 0 };
    while (!isOver) {
      const round = { targets, perSecond, connects: perSecond };
      sum = added(sum, await steadyClients({ ...round, text: "hello" }));
    }
    return sum;
  };
  const end = rounds();
  return {
    stop: () => {
      isOver = true;
      return end;
    },
  };
}

function added(one: SteadyClientsEnd, other: SteadyClientsEnd): SteadyClientsEnd {
  const wrong: Record<string, number> = { ...one.wrong };
  for (const [what, times] of Object.entries(other.wrong)) {
    wrong[what] = (wrong[what] ?? 0) + times;
  }
  const slowestMs = Math.max(one.slowestMs, other.slowestMs);
  return { answered: one.answered + other.answered, wrong, slowestMs };
}
