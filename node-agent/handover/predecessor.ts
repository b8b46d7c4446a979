import {
  readFromPredecessor,
  type Bequest,
  type Estate,
  type FromSuccessor,
  type FromPredecessor,
} from "./messages.ts";

/** The part of `process` that a successor talks through. */
export interface PredecessorChannel {
  readonly connected?: boolean;
  readonly send?: (
    message: object,
    handle: undefined,
    options: undefined,
    sent: () => void,
  ) => unknown;
  on(event: "message" | "disconnect", listener: (message: unknown) => void): unknown;
}

/** Counters of the agent that drains. */
export type PredecessorTotals = Extract<FromPredecessor, { type: "totals" }>;

/** The agent that this one succeeds. */
export interface Predecessor {
  /** What it leaves; undefined when it died before it could say, or says it in words unknown here. */
  readonly estate: Promise<Estate | undefined>;
  /** That everything is ours now; undefined when it died before it could say so, which means the same. */
  readonly bequest: Promise<Bequest | undefined>;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  /** Calls `listener` for its counters from now on; the last ones before are told at once. */
  onTotals(listener: (totals: PredecessorTotals) => void): void;
  /** Lost when it is gone. */
  tell(message: FromSuccessor): void;
}

/**
 * Listens to the process that started this one as its successor.
 *
 * @param onEnd it was asked to end, and so is this process
 */
export function listenToPredecessor(channel: PredecessorChannel, onEnd: () => void): Predecessor {
  const estate = Promise.withResolvers<Estate | undefined>();
  const bequest = Promise.withResolvers<Bequest | undefined>();
  const gone = Promise.withResolvers<void>();
  let last: PredecessorTotals | undefined;
  let hear = (totals: PredecessorTotals): void => void (last = totals);
  const take = (message: FromPredecessor): void => {
    switch (message.type) {
      case "estate":
        return estate.resolve(message);
      case "yours":
        return bequest.resolve(message);
      case "totals":
        return hear(message);
      case "end":
        return onEnd();
    }
  };
  channel.on("message", (raw) => {
    const message = readFromPredecessor(raw);
    if (message !== undefined) return take(message);
    // An estate that cannot be read is none; what comes later may be left out.
    estate.resolve(undefined);
  });
  channel.on("disconnect", () => {
    estate.resolve(undefined);
    bequest.resolve(undefined);
    gone.resolve();
  });
  const tell = (message: FromSuccessor): void => {
    if (channel.connected === true) channel.send?.(message, undefined, undefined, () => undefined);
  };
  tell({ type: "here", pid: process.pid });
  return {
    estate: estate.promise,
    bequest: bequest.promise,
    gone: gone.promise,
    onTotals: (listener) => {
      hear = listener;
      if (last !== undefined) listener(last);
    },
    tell,
  };
}
