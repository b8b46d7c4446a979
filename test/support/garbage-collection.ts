import { once } from "node:events";

import { WebSocket } from "ws";
import { z } from "zod";

import type { RunningProcess } from "./processes.ts";

/** What a process has to be started with so that its garbage can be collected from outside. */
export const collectable = { NODE_OPTIONS: "--inspect=127.0.0.1:0" };

const received = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.object({ sessionId: z.string(), message: z.string().optional() }).optional(),
  error: z.object({ message: z.string() }).optional(),
});

/**
 * Has a process and each of its worker threads collect their garbage: what stays resident then is
 * in use, and no longer what V8 has put off.
 *
 * @throws Error when it was not started as `collectable`, or an answer takes over 30 s.
 */
export async function collectGarbage(running: RunningProcess): Promise<void> {
  const url = /Debugger listening on (ws:\S+)/.exec(running.output())?.[1];
  if (url === undefined) throw new Error(`${running.name} was not started with an inspector`);
  const socket = new WebSocket(url);
  try {
    await once(socket, "open");
    const inspector = new Inspector(socket);
    await inspector.ask("HeapProfiler.collectGarbage");
    await inspector.ask("NodeWorker.enable", { waitForDebuggerOnStart: false });
    for (const worker of inspector.workers) {
      await inspector.ask("HeapProfiler.collectGarbage", {}, worker);
    }
  } finally {
    socket.terminate();
  }
}

/** The few words of Node's inspector protocol that this takes. */
class Inspector {
  /** Threads that the process has told of: all of them once it has answered `NodeWorker.enable`. */
  readonly workers = new Set<string>();
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #asked = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#onMessage(data.toString("utf8")));
  }

  /** Asks the process, or one of its threads. */
  async ask(method: string, params: object = {}, worker?: string): Promise<void> {
    const id = (this.#asked += 1);
    const message = JSON.stringify({ id, method, params });
    const answer = Promise.withResolvers<void>();
    this.#waiting.set(id, answer);
    const overdue = setTimeout(() => answer.reject(new Error(`${method}: no answer`)), 30_000);
    if (worker === undefined) this.#socket.send(message);
    else await this.ask("NodeWorker.sendMessageToWorker", { sessionId: worker, message });
    await answer.promise.finally(() => clearTimeout(overdue));
  }

  #onMessage(text: string): void {
    const { id, method, params, error } = received.parse(JSON.parse(text));
    if (method === "NodeWorker.attachedToWorker" && params) this.workers.add(params.sessionId);
    if (method === "NodeWorker.receivedMessageFromWorker" && params?.message !== undefined) {
      this.#onMessage(params.message);
    }
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new Error(error.message));
  }
}
