import { connect } from "node:net";

import type { ClientTarget } from "./test-client.ts";

export interface SteadyClientsTask {
  readonly targets: readonly ClientTarget[];
  readonly perSecond: number;
  readonly connects: number;
  /** What each client says; the answer has to be the same. */
  readonly text: string;
}

/** What became of all clients. */
export interface SteadyClientsEnd {
  readonly answered: number;
  /** How often by what went wrong: a system's code, or `cut` when less than all came back. */
  readonly wrong: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

const stepMs = 5;
const answerMsMax = 30_000;

/** Opens so many connections a second, whatever becomes of them; each asks once and is answered. */
export async function steadyClients(task: SteadyClientsTask): Promise<SteadyClientsEnd> {
  const startedMs = performance.now();
  const clients: Promise<ClientEnd>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(
        task.connects,
        Math.ceil(((performance.now() - startedMs) / 1_000) * task.perSecond),
      );
      while (clients.length < due) {
        const target = task.targets[clients.length % task.targets.length] ?? 0;
        clients.push(client(target, task.text));
      }
      if (clients.length < task.connects) return;
      clearInterval(timer);
      resolve();
    }, stepMs);
  });
  const ends = await Promise.all(clients);
  const wrong: Record<string, number> = {};
  for (const { code } of ends) if (code !== undefined) wrong[code] = (wrong[code] ?? 0) + 1;
  return {
    answered: ends.filter(({ code }) => code === undefined).length,
    wrong,
    slowestMs: Math.round(Math.max(...ends.map(({ tookMs }) => tookMs))),
  };
}

interface ClientEnd {
  readonly code: string | undefined;
  readonly tookMs: number;
}

function client(target: ClientTarget, text: string): Promise<ClientEnd> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect(
      typeof target === "number" ? { port: target, host: "127.0.0.1" } : target,
    );
    let answer = "";
    let failure: string | undefined;
    socket.setTimeout(answerMsMax, () => {
      failure = "no answer";
      socket.destroy();
    });
    socket.on("connect", () => socket.end(text));
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => (failure ??= error.code ?? error.message));
    socket.on("close", () => {
      const code = failure ?? (answer === text ? undefined : "cut");
      resolve({ code, tookMs: performance.now() - startedMs });
    });
  });
}
