import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { onTestFinished } from "vitest";
import { z } from "zod";

import { repository } from "./processes.ts";

const boundSchema = z.object({
  ok: z.boolean(),
  port: z.number().default(0),
  code: z.string().default(""),
});
const reportSchema = z.object({
  arrived: z.number(),
  failed: z.number(),
  evicted: z.number(),
  ended: z.number(),
});
type RelayReport = z.infer<typeof reportSchema>;

export interface DatagramRelayOptions {
  /** The addon. */
  readonly file: string;
  readonly host?: string;
  readonly target: { readonly host: string; readonly port: number };
  readonly mode?: "sessions" | "single";
  readonly transparent?: boolean;
  /** A program that runs it: in a namespace, with other limits. */
  readonly under?: readonly string[];
}

export interface DatagramRelayProcess {
  readonly bound: z.infer<typeof boundSchema>;
  readonly report: () => Promise<RelayReport>;
  /** Its resident memory: looked at from outside, as it may have no descriptor left to look itself. */
  readonly rssBytes: () => number;
}

/** A process of its own with a native engine that forwards everything to one target. */
export async function startDatagramRelay(
  options: DatagramRelayOptions,
): Promise<DatagramRelayProcess> {
  const { file, host = "127.0.0.1", target, mode = "sessions", under = [] } = options;
  const main = join(repository, "test/support/datagram-relay-main.ts");
  const [program, ...args] = [
    ...under,
    process.execPath,
    "--expose-gc",
    main,
    ...[file, host, target.host, String(target.port), mode],
    options.transparent === true ? "yes" : "no",
  ];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the relay has ended");
    return JSON.parse(value);
  };
  return {
    bound: boundSchema.parse(await next()),
    rssBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
    },
    report: async () => {
      child.stdin.write("report\n");
      return reportSchema.parse(await next());
    },
  };
}
