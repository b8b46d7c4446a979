import type { Peer } from "../engine.ts";

/** Where a listener is bound. */
export interface LocalAddress {
  readonly address: string;
  readonly port: number;
}

/** An IPv4 client; its address becomes text only when somebody asks, which most never do. */
export class Ipv4Peer implements Peer {
  readonly port: number;
  readonly #address: number;
  readonly #local: LocalAddress;

  constructor(address: number, port: number, local: LocalAddress) {
    this.#address = address;
    this.port = port;
    this.#local = local;
  }

  get address(): string {
    const bits = this.#address;
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }

  get localAddress(): string {
    return this.#local.address;
  }

  get localPort(): number {
    return this.#local.port;
  }
}

/** A peer from what the addon answers; empty for a Unix socket, or when it is gone already. */
export function peerOf(known: readonly [string, number, string, number] | undefined): Peer {
  const [address, port, localAddress, localPort] = known ?? ["", 0, "", 0];
  return { address, port, localAddress, localPort };
}
