import type { Seat } from "../contenders/seat.ts";
import { runWrk, type WrkRun } from "../load/wrk.ts";
import { pause } from "../pause.ts";
import type { Row, RowContext, Sample } from "./row.ts";

/** Even, so that the last one leads back to where it began. */
const changes = 4;
const stayingConnections = 64;
const closingConnections = 8;

/** Backends are changed while requests run on connections that stay and on new ones. */
export const reloadRow: Row = {
  name: "reload",
  title: `${changes} changes of backends under load`,
  measures: [
    { key: "lost", title: "requests lost", use: "shown", better: "lower" },
    { key: "requests", title: "requests", use: "shown", better: "higher" },
  ],
  fresh: true,
  suits: (seat) => seat.running.change !== undefined,
  prepare: (context) => {
    const { wrk } = context.tools;
    if (wrk === undefined) return Promise.resolve("wrk is not installed");
    return Promise.resolve((seat, seconds) => take(context, { seat, program: wrk, seconds }));
  },
};

interface Load {
  readonly seat: Seat;
  readonly program: string;
  readonly seconds: number;
}

async function take(context: RowContext, load: Load): Promise<Sample> {
  const { seat, program, seconds } = load;
  const { ports } = seat.running;
  const size = { program, threads: 1, seconds };
  const runs: readonly WrkRun[] = [
    { ...size, port: ports.keepAlive, connections: stayingConnections, closing: false },
    { ...size, port: ports.close, connections: closingConnections, closing: true },
  ];
  const changing = changeInTurns(context, seat, seconds);
  const ends = await Promise.all(runs.map(runWrk));
  await changing;
  for (const { text } of ends) context.raw.output(`reload-${seat.contender.name}`, text);
  const sum = (key: "requests" | "lost"): number =>
    ends.reduce((total, { result }) => total + result[key], 0);
  return { lost: sum("lost"), requests: sum("requests") };
}

async function changeInTurns({ backends }: RowContext, seat: Seat, seconds: number): Promise<void> {
  for (let change = 0; change < changes; change += 1) {
    await pause((seconds * 1_000) / (changes + 1));
    await seat.running.change?.(change % 2 === 0 ? backends.changedTargets : backends.targets);
  }
}
