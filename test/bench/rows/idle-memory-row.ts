import type { Seat } from "../contenders/seat.ts";
import { openIdle } from "../load/idle-connections.ts";
import { descriptorsMax } from "../measure/descriptors.ts";
import { settledKb } from "../measure/settled-memory.ts";
import type { Row, Sample } from "./row.ts";

/** Opened and closed first, so that code and pools are in memory before it is weighed. */
const warmUpConnections = 100;
/** Two sockets a connection, and what a contender opens besides, such as pipes. */
const descriptorsAConnection = 2.3;

/** Resident memory that connections cost which say nothing. */
export const idleMemoryRow: Row = {
  name: "idle-memory",
  title: "idle connections",
  measures: [
    { key: "memory", title: "resident KB/connection", use: "compared", better: "lower" },
    { key: "connections", title: "connections", use: "shown", better: "higher" },
  ],
  fresh: true,
  suits: () => true,
  prepare: ({ options }) => {
    const possible = Math.floor(descriptorsMax() / descriptorsAConnection) - warmUpConnections;
    const count = Math.min(options.idleConnections, possible);
    return Promise.resolve((seat) => take(seat, count));
  },
};

async function take(seat: Seat, count: number): Promise<Sample> {
  const { pid, ports } = seat.running;
  const first = await openIdle(ports.hold, warmUpConnections);
  await first.close();
  const before = await settledKb(pid);
  const idle = await openIdle(ports.hold, count);
  try {
    const connections = idle.count;
    return { memory: ((await settledKb(pid)) - before) / connections, connections };
  } finally {
    await idle.close();
  }
}
