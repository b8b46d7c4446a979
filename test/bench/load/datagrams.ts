import { z } from "zod";

import { outputOf } from "../../support/run-command.ts";

export interface DatagramRun {
  readonly program: string;
  readonly port: number;
  readonly clients: number;
  /** Datagrams of each client that wait for an answer. */
  readonly underWay: number;
  /** Of all clients together, whatever the answers take; 0: as fast as answers come. */
  readonly perSecond: number;
  /** Datagrams that leave together, of clients in turn, where a rate is given. */
  readonly atOnce: number;
  readonly seconds: number;
  /** `once`: a client is gone after its first answer, and another one comes. */
  readonly clientsStay: boolean;
}

const resultSchema = z.object({
  sent: z.number(),
  answered: z.number(),
  /** Answers to somebody else, or other than what was sent. */
  wrong: z.number(),
  seconds: z.number(),
});

export type DatagramResult = z.output<typeof resultSchema>;

/** Clients of a UDP service (test/bench/load/datagrams.c); gives what it printed as well. */
export async function runDatagrams(
  run: DatagramRun,
): Promise<{ result: DatagramResult; text: string }> {
  const { port, clients, underWay, perSecond, atOnce, seconds } = run;
  const numbers = [port, clients, underWay, Math.round(perSecond), atOnce, seconds];
  const stay = run.clientsStay ? "stay" : "once";
  const text = await outputOf([run.program, ...numbers.map(String), stay]);
  return { result: resultSchema.parse(JSON.parse(text)), text };
}
