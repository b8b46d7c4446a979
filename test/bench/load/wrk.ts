import { outputOf } from "../../support/run-command.ts";

export interface WrkRun {
  readonly program: string;
  readonly port: number;
  readonly threads: number;
  readonly connections: number;
  readonly seconds: number;
  /** Asks for each answer on a connection of its own. */
  readonly closing: boolean;
}

/** What wrk counted. */
export interface WrkResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Connections that failed, broke or timed out, and answers that were no success. */
  readonly lost: number;
}

/** Runs wrk to its end; gives what it printed as well. */
export async function runWrk(run: WrkRun): Promise<{ result: WrkResult; text: string }> {
  const closing = run.closing ? ["-H", "Connection: close"] : [];
  const size = [`-t${run.threads}`, `-c${run.connections}`, `-d${run.seconds}s`];
  const url = `http://127.0.0.1:${run.port}/`;
  const text = await outputOf([run.program, ...size, ...closing, url]);
  return { result: wrkResultOf(text), text };
}

/**
 * Reads what wrk prints.
 *
 * @throws Error when it does not look like wrk's summary
 */
export function wrkResultOf(text: string): WrkResult {
  const summary = /(\d+) requests in/.exec(text);
  const rate = /^Requests\/sec:\s+([\d.]+)/m.exec(text);
  if (summary === null || rate === null) throw new Error(`not a summary of wrk:\n${text}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const counts = [...(errors ?? []).slice(1), ...(refused ?? []).slice(1)].map(Number);
  return {
    requests: Number(summary[1]),
    perSecond: Number(rate[1]),
    lost: counts.reduce((sum, count) => sum + count, 0),
  };
}
