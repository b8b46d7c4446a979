import { runIperf, type IperfRun } from "../load/iperf.ts";
import type { Row } from "./row.ts";

/** One stream, as fast as it goes. */
export function bulkRow(direction: IperfRun["direction"]): Row {
  const name = `bulk-${direction}`;
  return {
    name,
    title: `bulk ${direction}, one stream`,
    measures: [
      { key: "cpu", title: "CPU ms/GB", use: "compared", better: "lower" },
      { key: "rate", title: "GB/s", use: "compared", better: "higher" },
    ],
    fresh: false,
    suits: () => true,
    prepare: ({ tools, raw }) => {
      const { iperf3: program } = tools;
      if (program === undefined) return Promise.resolve("iperf3 is not installed");
      return Promise.resolve(async (seat, seconds) => {
        const { bulk: port } = seat.running.ports;
        const before = seat.cpuMs;
        const { result, text } = await runIperf({ program, port, seconds, direction });
        const cpuMs = seat.cpuMs - before;
        raw.output(`${name}-${seat.contender.name}`, text);
        const gigabytes = result.bytes / 1e9;
        return { cpu: cpuMs / gigabytes, rate: gigabytes / result.seconds };
      });
    },
  };
}
