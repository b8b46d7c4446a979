import { joinSimulated, SimulatedNode, type NodeIdentity } from "../support/simulated-node.ts";

export interface FleetOptions {
  readonly url: string;
  /** A token with a use for each node. */
  readonly token: string;
  readonly nodes: number;
}

/** Nodes that join or connect at the same time: an agent's own pace would take longer. */
const atOnceMax = 50;

/** What the balancers of the load check need. */
const capabilities = [
  ...["protocol:tcp", "strategy:weight", "bind:address", "discovery:static", "healthcheck:ping"],
];

/** Heartbeats of a node, as an agent sends them. */
const heartbeatMs = 20_000;

/** Many simulated nodes in one process, which come back when their link is lost. */
export class SimulatedFleet {
  readonly #options: FleetOptions;
  readonly #nodes: SimulatedNode[] = [];
  /** When each node served a revision, by revision. */
  readonly #served = new Map<number, number[]>();
  readonly #waiting = new Map<number, (times: readonly number[]) => void>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Each node from an address of its own, as the control plane's limit per address expects. */
  async join(): Promise<void> {
    const { url, token, nodes } = this.#options;
    const numbers = Array.from({ length: nodes }, (_, index) => index);
    await inTurns(numbers, async (index) => {
      const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      const headers = { "x-forwarded-for": address };
      this.#add(await joinSimulated(url, token, { headers }));
    });
  }

  /** Connects all; settles with the moment when the last one was open. */
  async connect(): Promise<number> {
    await inTurns(this.#nodes, (node) => this.#keepConnected(node));
    return nowMs();
  }

  /** Settles when all nodes serve a revision, or a later one; gives when each did. */
  serving(rev: number): Promise<readonly number[]> {
    return new Promise((resolve) => {
      this.#waiting.set(rev, resolve);
      this.#tell();
    });
  }

  #add(identity: NodeIdentity): void {
    const node = new SimulatedNode({
      ...{ identity, url: this.#options.url },
      hello: { capabilities },
      onServing: ({ rev }) => this.#note(rev),
    });
    this.#nodes.push(node);
  }

  #note(rev: number): void {
    const times = this.#served.get(rev) ?? [];
    this.#served.set(rev, times);
    times.push(nowMs());
    this.#tell();
  }

  #tell(): void {
    for (const [rev, resolve] of this.#waiting) {
      const times = this.#served.get(rev) ?? [];
      if (times.length < this.#nodes.length) continue;
      this.#waiting.delete(rev);
      resolve(times);
    }
  }

  async #keepConnected(node: SimulatedNode): Promise<void> {
    for (;;) {
      const outcome = await node.connect();
      if (outcome.kind === "open") break;
      await pause(500 + Math.random() * 1_000);
    }
    const beats = setInterval(() => node.beat(), heartbeatMs * (0.8 + 0.4 * Math.random()));
    void node.closed.then(async () => {
      clearInterval(beats);
      const bye = node.frames.findLast((frame) => frame.t === "bye");
      const welcome = node.frames.findLast((frame) => frame.t === "welcome");
      const spread = bye?.t === "bye" ? bye.retry : welcome?.t === "welcome" && welcome.reconnect;
      node.frames.length = 0;
      await pause(Math.random() * (spread ? spread.maxMs : 1_000));
      await this.#keepConnected(node);
    });
  }
}

/** Milliseconds since 1970, the same in every process of this host, with fractions. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: atOnceMax }, worker));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
