import { spawn, type ChildProcess } from "node:child_process";
import { open } from "node:fs/promises";

import { sleep, type Clock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import { embeddedStartMsMax, embeddedStopMsMax } from "#shared/base/limits.ts";

import type { Binaries } from "./binaries.ts";
import { freePort } from "./free-port.ts";
import type { OsUser } from "./os-user.ts";
import { logTail, trimLog } from "./postgres-log.ts";
import { postmasterFile } from "./postmaster-file.ts";
import { spawnOptionsFor } from "./run-program.ts";
import { sendSignal } from "./send-signal.ts";

export interface PostmasterOptions {
  readonly binaries: Binaries;
  readonly user: OsUser | undefined;
  readonly folder: string;
  readonly logFile: string;
  readonly clock: Clock;
  /** `name=value` pairs on top of `smallHostSettings`. */
  readonly settings?: readonly string[];
}

/** A running Postgres that accepts connections on 127.0.0.1. */
export interface Postmaster {
  readonly port: number;
  readonly pid: number;
  /** Settles when the process ended, whoever ended it. */
  readonly exited: Promise<void>;
  /** Fast shutdown, then the immediate one; settles when the process is gone. */
  stop(): Promise<void>;
}

/** Few connections, little memory, no helpers that a small host does not need. */
const smallHostSettings = [
  "max_connections=50",
  "shared_buffers=64MB",
  "max_wal_size=256MB",
  "min_wal_size=32MB",
  "max_wal_senders=0",
  "wal_level=minimal",
  "io_method=sync",
  "jit=off",
  "max_parallel_workers_per_gather=0",
  "log_checkpoints=off",
  "log_timezone=UTC",
];

/**
 * Starts Postgres under a keeper that ends it when this process is gone: the keeper holds the other
 * end of a pipe, and its closing, for whatever reason, is the order to shut down. A signal that a
 * supervisor sends to all processes at once is not for the keeper.
 */
const keeper = `
trap "" HUP INT TERM
exec 3<&0
"$@" </dev/null 3<&- &
postgres=$!
{ read -r _ <&3; kill -INT "$postgres"; } 2>/dev/null &
watch=$!
exec 3<&-
wait "$postgres"
status=$?
kill -KILL "$watch" 2>/dev/null
exit "$status"
`;

/** A port may be taken between choosing and binding it. */
const portTriesMax = 3;

/** @throws Fault `storage/postgres-did-not-start` with the end of its log */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  await trimLog(options.logFile);
  for (let tries = 1; ; tries += 1) {
    // oxlint-disable-next-line no-await-in-loop -- the next port only if this one was taken
    const started = await startOnce(options);
    if (started.kind === "ready") return started.postmaster;
    if (!started.log.includes("Address already in use") || tries === portTriesMax) {
      throw didNotStart(options, started.log);
    }
  }
}

type Started =
  | { readonly kind: "ready"; readonly postmaster: Postmaster }
  | { readonly kind: "failed"; readonly log: string };

async function startOnce(options: PostmasterOptions): Promise<Started> {
  const port = await freePort();
  const child = await spawnKeeper(options, port);
  const running = new AbortController();
  const exited = new Promise<void>((resolve) => {
    const ended = (): void => {
      running.abort();
      resolve();
    };
    child.once("error", ended);
    child.once("exit", ended);
  });
  const pid = await readyPid(options, running.signal);
  if (pid === undefined) {
    await stopped(options, child, exited);
    return { kind: "failed", log: await logTail(options.logFile) };
  }
  const stop = (): Promise<void> => stopped(options, child, exited);
  return { kind: "ready", postmaster: { port, pid, exited, stop } };
}

/** In a session of its own: Ctrl-C in a terminal is for the control plane, which stops in order. */
async function spawnKeeper(options: PostmasterOptions, port: number): Promise<ChildProcess> {
  const { binaries, folder, logFile, user } = options;
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    ...smallHostSettings,
    ...(options.settings ?? []),
  ].flatMap((setting) => ["-c", setting]);
  const log = await open(logFile, "a", 0o600);
  try {
    return spawn("/bin/sh", ["-c", keeper, "sh", binaries.postgres, "-D", folder, ...settings], {
      ...spawnOptionsFor(user),
      stdio: ["pipe", log.fd, log.fd],
      detached: true,
    });
  } finally {
    await log.close();
  }
}

/** The process id once connections are accepted; undefined when it ended or took too long. */
async function readyPid(
  options: PostmasterOptions,
  ended: AbortSignal,
): Promise<number | undefined> {
  const deadlineMs = options.clock.monotonicMs() + embeddedStartMsMax;
  while (!ended.aborted && options.clock.monotonicMs() < deadlineMs) {
    // oxlint-disable-next-line no-await-in-loop -- looks again until it is ready
    const file = await postmasterFile(options.folder);
    if (file?.status === "ready") return file.pid;
    // oxlint-disable-next-line no-await-in-loop -- a short wait between two looks
    await sleep(options.clock, 10);
  }
  return undefined;
}

/** Fast shutdown by the keeper; the immediate one when that takes too long. */
async function stopped(
  options: PostmasterOptions,
  child: ChildProcess,
  exited: Promise<void>,
): Promise<void> {
  child.stdin?.destroy();
  const timer = options.clock.after(embeddedStopMsMax, () => void quit(options.folder));
  await exited;
  timer.stop();
}

/** Immediate shutdown (SIGQUIT): Postgres recovers from its log at the next start. */
async function quit(folder: string): Promise<void> {
  const file = await postmasterFile(folder);
  if (file !== undefined) sendSignal(file.pid, "SIGQUIT");
}

function didNotStart(options: PostmasterOptions, log: string): Fault {
  return new Fault({
    code: "storage/postgres-did-not-start",
    owner: "platform",
    message:
      `the embedded Postgres at ${options.folder} did not start; its log (${options.logFile}) ends with:\n${log}\n` +
      "Fix what it names, choose another --data, or set DATABASE_URL to a Postgres of your own.",
  });
}
