import type { DatagramRoute } from "../contenders/contender.ts";
import type { Seat } from "../contenders/seat.ts";
import { runDatagrams, type DatagramResult, type DatagramRun } from "../load/datagrams.ts";
import type { Measure, Row, RowContext, Sample } from "./row.ts";

export interface DatagramRow {
  readonly name: string;
  readonly title: string;
  readonly clients: number;
  /** Datagrams of each client that wait for an answer; all together fit into a socket's buffer. */
  readonly underWay: number;
  /** Clients that stay and ask again and again, or a new one for each datagram. */
  readonly clientsStay: boolean;
  /** As fast as answers come, or half of what the best peer can take. */
  readonly rate: "saturated" | "half";
  /** At a rate, so many datagrams leave together, of clients in turn; 1 unless given. */
  readonly atOnce?: number;
}

type Load = Pick<DatagramRun, "program" | "perSecond" | "seconds">;

/** Datagrams of 64 bytes that come back: a round trip is two datagrams relayed. */
export function datagramRow(row: DatagramRow): Row {
  return {
    name: row.name,
    title: row.title,
    measures: measuresOf(row),
    fresh: false,
    suits: ({ running }) => running.datagramPorts !== undefined,
    prepare: async (context) => {
      const { datagrams: program } = context.tools;
      if (program === undefined) return "there is no cc to build the generator and the backend";
      const perSecond = row.rate === "half" ? (await bestPeak(context, row, program)) / 2 : 0;
      return (seat, seconds) => take(context, row, seat, { program, perSecond, seconds });
    },
  };
}

function measuresOf({ clientsStay, rate }: DatagramRow): readonly Measure[] {
  const unit = clientsStay ? "round trip" : "session";
  return [
    { key: "cpu", title: `CPU µs/${unit}`, use: "compared", better: "lower" },
    {
      key: "rate",
      title: `${unit}s/s${rate === "half" ? " held" : ""}`,
      use: rate === "half" ? "shown" : "compared",
      better: "higher",
    },
    { key: "lost", title: "datagrams lost", use: "trouble", better: "lower" },
    { key: "wrong", title: "wrong answers", use: "trouble", better: "lower" },
  ];
}

/** Of the peers; of all when there is none. */
async function bestPeak(context: RowContext, row: DatagramRow, program: string): Promise<number> {
  const able = context.seats.filter(({ running }) => running.datagramPorts !== undefined);
  const peers = able.filter(({ contender }) => contender.role === "peer");
  const { seconds } = context.options;
  let best = 0;
  for (const seat of peers.length > 0 ? peers : able) {
    const { result } = await run(seat, row, { program, perSecond: 0, seconds });
    best = Math.max(best, result.answered / result.seconds);
  }
  return best;
}

async function take(
  { raw }: RowContext,
  row: DatagramRow,
  seat: Seat,
  load: Load,
): Promise<Sample> {
  const before = seat.cpuMs;
  const { result, text } = await run(seat, row, load);
  const cpuMs = seat.cpuMs - before;
  raw.output(`${row.name}-${seat.contender.name}`, text);
  const { sent, answered, wrong, seconds } = result;
  if (answered === 0) throw new Error("not one datagram came back");
  const cpu = (cpuMs * 1_000) / answered;
  return { cpu, rate: answered / seconds, lost: sent - answered, wrong };
}

async function run(
  { running }: Seat,
  { clients, underWay, clientsStay, atOnce = 1 }: DatagramRow,
  load: Load,
): Promise<{ result: DatagramResult; text: string }> {
  const route: DatagramRoute = clientsStay ? "sessions" : "exchanges";
  const port = running.datagramPorts?.[route] ?? 0;
  return runDatagrams({ ...load, port, clients, underWay, clientsStay, atOnce });
}
