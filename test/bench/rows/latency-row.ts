import type { Seat } from "../contenders/seat.ts";
import { runSteady, type SteadyRun } from "../load/steady.ts";
import { runWrk } from "../load/wrk.ts";
import type { Row, RowContext, Sample } from "./row.ts";

const connections = 64;

/** Latency under the same load for all: half of what the best peer can take. */
export const latencyRow: Row = {
  name: "latency",
  title: "latency at half the best peer's peak",
  measures: [
    { key: "p99", title: "p99 µs", use: "compared", better: "lower" },
    { key: "p50", title: "p50 µs", use: "compared", better: "lower" },
    { key: "p999", title: "p99.9 µs", use: "compared", better: "lower" },
    { key: "cpu", title: "CPU µs/request", use: "compared", better: "lower" },
    { key: "rate", title: "requests/s held", use: "shown", better: "higher" },
  ],
  fresh: false,
  suits: () => true,
  prepare: async (context) => {
    const { wrk, steady: program } = context.tools;
    if (wrk === undefined) return "wrk, which finds the peak, is not installed";
    if (program === undefined) return "there is no cc to build the generator";
    const perSecond = (await bestPeak(context, wrk)) / 2;
    return (seat, seconds) => take(context, seat, { program, perSecond, seconds });
  },
};

/** Of the peers; of all when there is none. */
async function bestPeak({ seats, options }: RowContext, program: string): Promise<number> {
  const peers = seats.filter(({ contender }) => contender.role === "peer");
  let best = 0;
  for (const { running } of peers.length > 0 ? peers : seats) {
    const { keepAlive: port } = running.ports;
    const size = { threads: options.workers, connections, seconds: options.seconds };
    const { result } = await runWrk({ program, port, ...size, closing: false });
    best = Math.max(best, result.perSecond);
  }
  return best;
}

async function take(
  { raw }: RowContext,
  seat: Seat,
  load: Pick<SteadyRun, "program" | "perSecond" | "seconds">,
): Promise<Sample> {
  const { keepAlive: port } = seat.running.ports;
  const before = seat.cpuMs;
  const { result, text } = await runSteady({ ...load, port, connections });
  const cpuMs = seat.cpuMs - before;
  raw.output(`latency-${seat.contender.name}`, text);
  const { p50, p99, p999, answered } = result;
  return { p50, p99, p999, cpu: (cpuMs * 1_000) / answered, rate: answered / result.seconds };
}
