import { addressBytes } from "#shared/base/ip-address.ts";

import type { ElectingClient } from "../elect/strategy.ts";
import type { Peer } from "../engine/engine.ts";

/** A client as elections and the door see it. Its address is read only where somebody asks for it. */
export class ArrivedClient implements ElectingClient {
  readonly #peer: Peer;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  get address(): Uint8Array {
    return addressBytes(this.#peer.address);
  }

  get port(): number {
    return this.#peer.port;
  }
}
