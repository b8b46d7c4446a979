import { z } from "zod";

import { outputOf } from "../../support/run-command.ts";

export interface IperfRun {
  readonly program: string;
  readonly port: number;
  readonly seconds: number;
  /** Up is from the client to the backend. */
  readonly direction: "up" | "down";
}

/** What arrived. */
export interface IperfResult {
  readonly bytes: number;
  readonly seconds: number;
}

const summarySchema = z.object({
  end: z.object({ sum_received: z.object({ bytes: z.number(), seconds: z.number() }) }),
});

/** Runs iperf3 with one stream to its end; gives what it printed as well. */
export async function runIperf(run: IperfRun): Promise<{ result: IperfResult; text: string }> {
  const where = ["-c", "127.0.0.1", "-p", String(run.port), "-t", String(run.seconds)];
  const down = run.direction === "down" ? ["-R"] : [];
  const text = await outputOf([run.program, ...where, "-J", ...down]);
  return { result: iperfResultOf(text), text };
}

/**
 * Reads iperf3's JSON.
 *
 * @throws Error when it is something else
 */
export function iperfResultOf(text: string): IperfResult {
  const { bytes, seconds } = summarySchema.parse(JSON.parse(text)).end.sum_received;
  return { bytes, seconds };
}
