import type { Seat } from "../contenders/seat.ts";
import { runDatagrams } from "../load/datagrams.ts";
import { descriptorsMax } from "../measure/descriptors.ts";
import { settledKb } from "../measure/settled-memory.ts";
import type { Row, RowContext, Sample } from "./row.ts";

/** Begun first, so that code and pools are in memory before it is weighed. */
const warmUpSessions = 100;
/** Whoever opens them has a descriptor for each, and so has the contender. */
const descriptorsBesides = 500;

/** Resident memory that UDP sessions cost whose clients say nothing. */
export const idleSessionsRow: Row = {
  name: "udp-idle-memory",
  title: "UDP, idle sessions",
  measures: [
    { key: "memory", title: "resident KB/session", use: "compared", better: "lower" },
    { key: "sessions", title: "sessions", use: "shown", better: "higher" },
  ],
  fresh: true,
  suits: ({ running }) => running.datagramPorts !== undefined,
  prepare: (context) => {
    const { datagrams: program } = context.tools;
    if (program === undefined) return Promise.resolve("there is no cc to build the generator");
    const possible = descriptorsMax() - descriptorsBesides;
    const count = Math.min(context.options.idleConnections, possible);
    return Promise.resolve((seat) => take(context, seat, { program, count }));
  },
};

interface Opening {
  readonly program: string;
  readonly count: number;
}

async function take({ raw }: RowContext, seat: Seat, opening: Opening): Promise<Sample> {
  const { pid } = seat.running;
  await open(seat, { ...opening, count: warmUpSessions });
  const before = await settledKb(pid);
  const { result, text } = await open(seat, opening);
  raw.output(`udp-idle-memory-${seat.contender.name}`, text);
  const sessions = result.answered;
  return { memory: ((await settledKb(pid)) - before) / sessions, sessions };
}

/** One datagram of each client within two seconds; the clients are gone then, their sessions stay. */
function open({ running }: Seat, { program, count }: Opening): ReturnType<typeof runDatagrams> {
  const port = running.datagramPorts?.sessions ?? 0;
  const pace = { perSecond: count / 2, seconds: 2, underWay: 1, atOnce: 1 };
  return runDatagrams({ program, port, clients: count, ...pace, clientsStay: true });
}
