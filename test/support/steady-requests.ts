import type { TestClient } from "./test-client.ts";

/** Requests of one connection that stays, one after the other. */
export interface SteadyRequests {
  /** Answered so far. */
  readonly answered: number;
  /** The longest that one took, in milliseconds. */
  readonly slowestMs: number;
  /** Ends it after the request that is under way. @throws Error when one was not answered */
  stop(): Promise<void>;
}

const pauseMs = 20;
/** A bound against hanging. */
const answerMsMax = 30_000;

/** Asks a backend that echoes over a connection that is open, until it is stopped. */
export function steadyRequests(client: TestClient): SteadyRequests {
  let [answered, slowestMs] = [0, 0];
  const over = new AbortController();
  const asking = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const request = `request ${answered};`;
      const sentMs = performance.now();
      const before = client.receivedBytes;
      client.send(request);
      await client.receives(before + request.length, answerMsMax);
      answered += 1;
      slowestMs = Math.max(slowestMs, performance.now() - sentMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const end = asking();
  // Whoever stops it hears of it.
  end.catch(() => undefined);
  return {
    get answered() {
      return answered;
    },
    get slowestMs() {
      return slowestMs;
    },
    stop: () => {
      over.abort();
      return end;
    },
  };
}
