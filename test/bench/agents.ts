import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { Cleanup } from "../support/processes.ts";

type Message = Readonly<Record<string, unknown>>;

/** The process of simulated agents, as the load check speaks to it. */
export class Agents {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it; all its nodes have joined then. */
  static async start(
    cleanup: Cleanup,
    fleet: { readonly url: string; readonly token: string; readonly nodes: number },
  ): Promise<Agents> {
    const file = join(import.meta.dirname, "link-load-agents-main.ts");
    const child = fork(file, [fleet.url, fleet.token, String(fleet.nodes)]);
    const ended = once(child, "close");
    cleanup(async () => {
      child.kill();
      await ended;
    });
    const agents = new Agents(child);
    const failed = ended.then(() => Promise.reject(new Error("the agents' process ended")));
    await Promise.race([agents.#answer(({ type }) => type === "ready"), failed]);
    return agents;
  }

  /** Connects all nodes; the moment when the last one was open. */
  async connect(): Promise<number> {
    const answer = this.#answer(({ type }) => type === "connect");
    this.#child.send({ type: "connect" });
    return Number((await answer)["atMs"]);
  }

  /** When each node served a revision; settles when all do. */
  async serving(rev: number): Promise<readonly number[]> {
    const answer = this.#answer(
      (message) => message["type"] === "serving" && message["rev"] === rev,
    );
    this.#child.send({ type: "serving", rev });
    return (await answer)["times"] as readonly number[];
  }

  #answer(isIt: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve) => {
      const hear = (message: Message): void => {
        if (!isIt(message)) return;
        this.#child.off("message", hear);
        resolve(message);
      };
      this.#child.on("message", hear);
    });
  }
}
