import type { Protocol } from "#shared/definition/balancer.ts";

import type { ListenerId } from "../engine/engine.ts";
import {
  listenAddressesOf,
  listenAddressText,
  type ListenAddress,
} from "../listen/listen-addresses.ts";

/** Binds as they are written, and what is spoken there. */
export interface SpokenBinds {
  readonly bind: readonly string[];
  readonly protocol: Protocol;
}

/** An address of a bind that a balancer shall listen on. A range has many. */
export interface WantedBind {
  /** The bind, as it is written. */
  readonly text: string;
  readonly address: ListenAddress;
  /** Where it stands in the definition. */
  readonly pointer: string;
  /** The number that it had before. */
  readonly listener?: ListenerId;
}

/** Each address that is asked for, by its text. */
export function wantedBinds({ bind, protocol }: SpokenBinds): ReadonlyMap<string, WantedBind> {
  const all = bind.flatMap((text, index) =>
    listenAddressesOf(text, protocol).map((address) => ({
      text,
      address,
      pointer: `/bind/${index}`,
    })),
  );
  return new Map(all.map((wish) => [listenAddressText(wish.address), wish]));
}
