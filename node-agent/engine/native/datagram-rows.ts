import { getSystemErrorName } from "node:util";

import {
  datagramDropReasons,
  sessionEndReasons,
  type DatagramEvent,
  type DatagramTarget,
  type SessionId,
} from "../datagrams.ts";
import type { Peer } from "../listening.ts";

/** `src/datagram_events.h` has the same numbers. */
const datagramKinds = {
  arrived: 16,
  failed: 17,
  targetRefused: 18,
  dropped: 19,
  /** Plus the reason. */
  ended: 32,
} as const;

/** What the addon can be told of a session. */
export const sessionCommands = { forward: 16, refuse: 17, end: 18, resolve: 19 } as const;

/** What a row does not hold and somebody has to know. */
export interface DatagramAsker {
  /** An IPv4 client's address and port as the row has them; an address below 0 for any other. */
  readonly peerOf: (row: {
    session: SessionId;
    listener: number;
    address: number;
    port: number;
  }) => Peer;
  readonly targetOf: (index: number) => DatagramTarget | undefined;
}

/** The event that stands in a row of numbers; undefined when it is about something else. */
export function datagramEventAt(
  memory: Float64Array,
  at: number,
  asker: DatagramAsker,
): DatagramEvent | undefined {
  const field = (index: number): number => memory[at + index] ?? 0;
  const kind = field(0);
  switch (kind) {
    case datagramKinds.arrived: {
      const [session, listener, address, port] = [field(1), field(2), field(3), field(4)];
      const peer = asker.peerOf({ session, listener, address, port });
      return { kind: "arrived", session, listener, peer, bytes: field(5) };
    }
    case datagramKinds.failed:
      return { kind: "session-failed", session: field(1), code: getSystemErrorName(-field(2)) };
    case datagramKinds.targetRefused: {
      const target = asker.targetOf(field(2));
      if (target === undefined) return undefined;
      return { kind: "target-refused", listener: field(1), target, count: field(3) };
    }
    case datagramKinds.dropped: {
      const reason = datagramDropReasons[field(2)];
      if (reason === undefined) return undefined;
      return { kind: "datagrams-dropped", listener: field(1), reason, count: field(3) };
    }
    default: {
      const reason = sessionEndReasons[kind - datagramKinds.ended];
      if (reason === undefined) return undefined;
      const [rxBytes, txBytes, rxDatagrams, txDatagrams] = [field(2), field(3), field(4), field(5)];
      const moved = { session: field(1), rxBytes, txBytes, rxDatagrams, txDatagrams };
      return { kind: "session-ended", reason, ...moved };
    }
  }
}
