import { z } from "zod";

import { outputOf } from "../../support/run-command.ts";

export interface SteadyRun {
  readonly program: string;
  readonly port: number;
  readonly connections: number;
  readonly perSecond: number;
  readonly seconds: number;
}

const resultSchema = z.object({
  asked: z.number(),
  answered: z.number(),
  broken: z.number(),
  seconds: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
});

/** Latencies in microseconds, from when a request was due to the end of its answer. */
export type SteadyResult = z.output<typeof resultSchema>;

/** Requests at a steady rate (test/bench/load/steady.c); gives what it printed as well. */
export async function runSteady(run: SteadyRun): Promise<{ result: SteadyResult; text: string }> {
  const numbers = [run.port, run.connections, Math.round(run.perSecond), run.seconds];
  const text = await outputOf([run.program, ...numbers.map(String)]);
  return { result: resultSchema.parse(JSON.parse(text)), text };
}
