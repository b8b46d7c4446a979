import { onTestFinished } from "vitest";

import { systemClock, type Clock } from "#shared/base/clock.ts";

import {
  isDatagramEvent,
  type DatagramEvent,
  type DatagramRelay,
  type DatagramTarget,
  type ListenerTerms,
  type SessionTerms,
} from "../../../node-agent/engine/datagrams.ts";
import type { Engine } from "../../../node-agent/engine/engine.ts";
import { eventually } from "../../support/eventually.ts";
import type { EngineSubject } from "./relay-rig.ts";

export type DatagramEventOf<Kind extends DatagramEvent["kind"]> = Extract<
  DatagramEvent,
  { kind: Kind }
>;

export interface DatagramOptions {
  readonly clock?: Clock;
  readonly host?: string;
  readonly listener?: Partial<ListenerTerms>;
  readonly terms?: Partial<SessionTerms>;
  /** Instead of forwarding every client to `target`. */
  readonly onEvent?: (event: DatagramEvent, relay: DatagramRelay, rig: DatagramRig) => void;
}

/** Engines with the simplest of UDP flows, and a record of what they told. */
export interface DatagramRig {
  readonly port: number;
  readonly relays: readonly DatagramRelay[];
  readonly engines: readonly Engine[];
  readonly terms: SessionTerms;
  ofKind<Kind extends DatagramEvent["kind"]>(kind: Kind): readonly DatagramEventOf<Kind>[];
  /** That many events of a kind, once they are there. */
  some<Kind extends DatagramEvent["kind"]>(
    kind: Kind,
    count?: number,
  ): Promise<readonly [DatagramEventOf<Kind>, ...DatagramEventOf<Kind>[]]>;
}

export const listenerTerms: ListenerTerms = { mode: "sessions", transparent: false };

export const sessionTerms: SessionTerms = {
  clientIdleMs: 60_000,
  backendIdleMs: 0,
  idleMode: "twoWay",
  maxRequests: 0,
  maxResponses: 0,
  localAddress: undefined,
};

/** Binds on loopback with every engine of the subject, and forwards each client to `target`. */
export async function startDatagrams(
  subject: EngineSubject,
  target: DatagramTarget,
  options: DatagramOptions = {},
): Promise<DatagramRig> {
  const { clock = systemClock(), host = "127.0.0.1" } = options;
  const events: DatagramEvent[] = [];
  const relays: DatagramRelay[] = [];
  const engines: Engine[] = [];
  const terms = { ...sessionTerms, ...options.terms };
  const onEvent = options.onEvent ?? forwardTo(target);
  const ofKind: DatagramRig["ofKind"] = (kind) =>
    events.filter((event): event is DatagramEventOf<typeof kind> => event.kind === kind);
  const rig = {
    port: 0,
    relays,
    engines,
    terms,
    ofKind,
    some: async (kind, count = 1) => {
      await eventually(() => ofKind(kind).length >= count);
      const [first, ...others] = ofKind(kind);
      if (first === undefined) throw new Error(`no ${kind} event`);
      return [first, ...others] as const;
    },
  } satisfies DatagramRig;
  for (let index = 0; index < subject.engines; index += 1) {
    const engine: Engine = subject.create({
      clock,
      onEvents: (batch) => {
        for (const event of batch.filter((one) => isDatagramEvent(one))) {
          events.push(event);
          onEvent(event, relayOf(engine), rig);
        }
      },
    });
    engines.push(engine);
    onTestFinished(() => engine.stop());
    const relay = relayOf(engine);
    relays.push(relay);
    const outcome = await relay.bind(1, {
      address: { host, port: rig.port },
      reusePort: subject.engines > 1,
      terms: { ...listenerTerms, ...options.listener },
    });
    if (!outcome.ok) throw new Error(`cannot bind: ${outcome.code}`);
    rig.port = outcome.port;
  }
  return rig;
}

/** The first relay: those of a rig of one engine. */
export function only({ relays }: DatagramRig): DatagramRelay {
  const [relay] = relays;
  if (relay === undefined) throw new Error("there is no engine");
  return relay;
}

/** Several engines share clients out; some promises are looked at with one. */
export function alone(subject: EngineSubject): EngineSubject {
  return { ...subject, engines: 1 };
}

function relayOf({ datagrams }: Engine): DatagramRelay {
  if (datagrams === undefined) throw new Error("this engine has no UDP half");
  return datagrams;
}

/** The simplest flow: every client to one backend, and away with it when that fails. */
export function forwardTo(target: DatagramTarget): NonNullable<DatagramOptions["onEvent"]> {
  return (event, relay, { terms }) => {
    if (event.kind === "arrived") relay.forward(event.session, target, terms);
    if (event.kind === "session-failed") relay.refuse(event.session);
  };
}
