import { runWrk } from "../load/wrk.ts";
import type { Row } from "./row.ts";

export interface WebRow {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  /** A connection for each request, or requests on connections that stay. */
  readonly closing: boolean;
}

/** As many requests, or connections, as the contender can take. */
export function webRow({ name, title, connections, closing }: WebRow): Row {
  const unit = closing ? "connection" : "request";
  return {
    name,
    title,
    measures: [
      { key: "cpu", title: `CPU µs/${unit}`, use: "compared", better: "lower" },
      { key: "rate", title: `${unit}s/s`, use: "compared", better: "higher" },
      { key: "lost", title: `${unit}s lost`, use: "trouble", better: "lower" },
    ],
    fresh: false,
    suits: () => true,
    prepare: ({ tools, options, raw }) => {
      const { wrk: program } = tools;
      if (program === undefined) return Promise.resolve("wrk is not installed");
      return Promise.resolve(async (seat, seconds) => {
        const port = seat.running.ports[closing ? "close" : "keepAlive"];
        const before = seat.cpuMs;
        const run = { program, port, threads: options.workers, connections, seconds, closing };
        const { result, text } = await runWrk(run);
        const cpuMs = seat.cpuMs - before;
        raw.output(`${name}-${seat.contender.name}`, text);
        const cpu = (cpuMs * 1_000) / result.requests;
        return { cpu, rate: result.perSecond, lost: result.lost };
      });
    },
  };
}
