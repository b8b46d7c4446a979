import { addressBytes } from "#shared/base/ip-address.ts";

import type { ElectingClient } from "../elect/strategy.ts";
import type { Peer } from "../engine/engine.ts";

/** A client as elections and the door see it. Its address is read where somebody asks for it, once. */
export class ArrivedClient implements ElectingClient {
  readonly #peer: Peer;
  #address: Uint8Array | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  get address(): Uint8Array {
    this.#address ??= addressBytes(this.#peer.address);
    return this.#address;
  }

  get port(): number {
    return this.#peer.port;
  }
}
