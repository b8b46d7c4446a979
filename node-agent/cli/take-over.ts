import { errorText } from "#shared/base/fault.ts";
import { sameVersion } from "#shared/snapshot/version.ts";

import type { Log } from "../runtime/log.ts";
import type { Inheritance } from "./inheritance.ts";
import type { Agent } from "./start-agent.ts";

/**
 * Why the agent before must not be followed by this one; undefined when nothing speaks against it.
 * What that one serves would be gone: it stays.
 */
export function unfitness({ estate }: Inheritance, { intake }: Agent): string | undefined {
  const { version } = estate;
  if (version === null || sameVersion(intake.held, version)) return undefined;
  const found = intake.held === undefined ? "none" : `revision ${intake.held.rev}`;
  return `revision ${version.rev} runs, and of the snapshots on disk ${found} can be used`;
}

/** Says that clients are served, and which balancers could not be. */
export function tellServing({ predecessor }: Inheritance, { applier }: Agent): void {
  const failing = Array.from(applier.view().failing, ([balancer, { problems }]) => ({
    balancer,
    codes: problems.map(({ code }) => code),
  }));
  predecessor.tell({ type: "serving", failing });
}

/**
 * Waits until the agent before has given everything away, or died, and goes on with its counting.
 * Its connections that drain are counted here from then on.
 */
export async function takeOver(
  log: Log,
  { predecessor, estate }: Inheritance,
  agent: Agent,
): Promise<void> {
  const { reporter, generations, succession, claims } = agent;
  const bequest = await predecessor.bequest;
  if (bequest === undefined) {
    log.error({ predecessor: estate.pid }, "the agent before died: its last counts are lost");
  } else {
    generations.raiseTo(bequest.generation);
    succession.predecessorTold(bequest.counting.counted);
    reporter.succeed(bequest.counting);
  }
  predecessor.onTotals(({ rows }) => succession.predecessorTold(rows));
  void predecessor.gone.then(() => {
    log.info({ predecessor: estate.pid }, "the agent before has ended");
    succession.predecessorEnded();
  });
  const closed = await claims.closeUnwanted().catch((error: unknown) => {
    log.error({ error: errorText(error) }, "sockets that nobody wants could not be closed");
    return [];
  });
  log.info({ predecessor: estate.pid, handovers: estate.handovers, closed }, "took over");
}
