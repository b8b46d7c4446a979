import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { z } from "zod";

import type { Clock } from "#shared/base/clock.ts";
import { errorText, systemErrorCode } from "#shared/base/fault.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { adminConnectionsMax, unixPathBytesMax } from "#shared/base/limits.ts";

import { within } from "../runtime/within.ts";

const outcomeSchema = z.discriminatedUnion("kind", [
  /** Another process is the agent; this one drains and ends. */
  z.object({ kind: z.literal("handed-over"), pid: z.int(), tookMs: z.number() }),
  /** Nothing was tried. */
  z.object({ kind: z.literal("refused"), why: z.string() }),
  /** It was tried in vain: the agent goes on as before. */
  z.object({ kind: z.literal("failed"), why: z.string() }),
  /** Everything was given away and not taken: the agent ends, for its supervisor to start. */
  z.object({ kind: z.literal("broken"), why: z.string() }),
]);

/** What came of a restart. */
export type RestartOutcome = z.output<typeof outcomeSchema>;

/** What whoever asked for a restart hears; `unanswered` says for people why there is no outcome. */
export type RestartAnswer = RestartOutcome | { readonly kind: "unanswered"; readonly why: string };

/** Where an agent is asked to restart: in its data folder, which is its user's alone. */
export interface RestartSocket extends Stoppable {
  /** Undefined when it stands; otherwise why restarts can only be asked for by signal. */
  readonly trouble: string | undefined;
}

/**
 * Opens it, in place of one that an agent has left. Whoever connects asks for a restart, and is
 * answered with its outcome; connections stay when it is stopped.
 */
export async function openRestartSocket(
  dataFolder: string,
  restart: () => Promise<RestartOutcome>,
): Promise<RestartSocket> {
  const path = socketPath(dataFolder);
  const server = createServer((socket) => void answer(socket, restart));
  server.maxConnections = adminConnectionsMax;
  const name = "restart socket";
  if (Buffer.byteLength(path) > unixPathBytesMax) {
    return {
      name,
      trouble: `${path} is longer than a socket's path may be`,
      stop: () => undefined,
    };
  }
  await rm(path, { force: true });
  const trouble = await new Promise<string | undefined>((resolve) => {
    server.once("error", (error) => resolve(errorText(error)));
    server.listen(path, () => resolve(undefined));
  });
  return { name, trouble, stop: () => void server.close() };
}

/** Asks the agent of this folder to restart, and waits for what comes of it. Never rejects. */
export async function askForRestart(
  clock: Clock,
  dataFolder: string,
  withinMs: number,
): Promise<RestartAnswer> {
  const socket = connect(socketPath(dataFolder));
  try {
    const otherwise = JSON.stringify({ kind: "failed", why: `no outcome within ${withinMs} ms` });
    const told = await within(clock, text(socket), { ms: withinMs, otherwise });
    return told === "" ? hungUp : outcomeSchema.parse(JSON.parse(told));
  } catch (error) {
    return { kind: "unanswered", why: whyUnasked(error) };
  } finally {
    socket.destroy();
  }
}

/** The system takes a connection off a process that has no descriptor for it, and closes it. */
const hungUp: RestartAnswer = {
  kind: "unanswered",
  why:
    "an agent runs and hung up without an answer: it has no file descriptor free (LimitNOFILE, ulimit -n), " +
    "or it has just ended",
};

function whyUnasked(error: unknown): string {
  return ["ENOENT", "ECONNREFUSED", "EACCES"].includes(systemErrorCode(error) ?? "")
    ? "no agent answers: it does not run, or runs as another user"
    : `the agent could not be asked: ${errorText(error)}`;
}

async function answer(socket: Socket, restart: () => Promise<RestartOutcome>): Promise<void> {
  // Whoever asked may be gone before there is an answer.
  socket.on("error", () => undefined);
  const outcome = await restart();
  socket.end(`${JSON.stringify(outcome)}\n`);
}

function socketPath(dataFolder: string): string {
  return join(dataFolder, "restart.sock");
}
