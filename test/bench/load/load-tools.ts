import { join } from "node:path";

import { findProgram, outputOf } from "../../support/run-command.ts";

/** Programs that make load; undefined is one that this host lacks. */
export interface LoadTools {
  readonly wrk: string | undefined;
  readonly iperf3: string | undefined;
  /** test/bench/load/steady.c */
  readonly steady: string | undefined;
  /** test/bench/load/datagrams.c */
  readonly datagrams: string | undefined;
}

/** What was built here. */
export interface Built {
  readonly tools: LoadTools;
  /** test/bench/limit/relay.c */
  readonly limit: string | undefined;
  /** test/bench/backends/datagram-echo.c */
  readonly echo: string | undefined;
}

/** Finds the generators, and builds what is in C when there is a compiler. */
export async function loadTools(folder: string): Promise<Built> {
  const source = join(import.meta.dirname, "..");
  const build = async (
    program: string,
    ...files: readonly string[]
  ): Promise<string | undefined> => {
    if ((await findProgram("cc")) === undefined) return undefined;
    const path = join(folder, program);
    const from = files.map((file) => join(source, file));
    await outputOf(["cc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", path, ...from]);
    return path;
  };
  const [wrk, iperf3] = [await findProgram("wrk"), await findProgram("iperf3")];
  const steady = await build("steady", "load/steady.c");
  const datagrams = await build("datagrams", "load/datagrams.c");
  return {
    tools: { wrk, iperf3, steady, datagrams },
    limit: await build("relay", "limit/relay.c", "limit/datagram-relay.c"),
    echo: await build("datagram-echo", "backends/datagram-echo.c"),
  };
}
