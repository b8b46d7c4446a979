import { randomUUID } from "node:crypto";

import { linkUnsentBytesMax } from "#shared/base/limits.ts";
import { encodeFrame } from "#shared/wire/codec.ts";
import type { NodeFrame } from "#shared/wire/node-frames.ts";
import { agentPaths, closeCodes, type CloseCode } from "#shared/wire/protocol.ts";

import type { Log } from "../runtime/log.ts";
import type { Generations } from "./generation.ts";
import type { LinkEvent } from "./link-machine-events.ts";
import type { LinkSocket, LinkSocketListener, OpenLinkSocket } from "./link-socket.ts";
import type { NodeSigner } from "./node-signer.ts";

export interface LinkCarrierDeps {
  readonly openSocket: OpenLinkSocket;
  readonly signer: NodeSigner;
  readonly generations: Generations;
  readonly log: Log;
  readonly dispatch: (event: LinkEvent) => void;
}

export interface LinkCarrierSettings {
  readonly url: URL;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
}

/**
 * The one socket of the link. What an earlier socket still says is not heard: only the newest try
 * counts.
 */
export class LinkCarrier {
  readonly #deps: LinkCarrierDeps;
  readonly #settings: LinkCarrierSettings;
  #socket: LinkSocket | undefined;
  #farewell: Promise<void> = Promise.resolve();
  #tries = 0;

  constructor(deps: LinkCarrierDeps, settings: LinkCarrierSettings) {
    this.#deps = deps;
    this.#settings = settings;
  }

  /** Signs and dials; `opened` or `refused` follows. */
  async dial(): Promise<void> {
    this.#tries += 1;
    const own = this.#tries;
    const generation = await this.#deps.generations.next();
    if (own !== this.#tries) return;
    const { url, ca } = this.#settings;
    // Without the base path, which whatever serves the control plane there takes away.
    const request = { method: "GET", path: agentPaths.link };
    const authorization = this.#deps.signer.authorization(request, generation);
    const listener = this.#listener(own);
    this.#socket = this.#deps.openSocket({ url, ca, authorization }, listener);
  }

  /** Sends a frame, in parts when it is big; without a socket it is lost. */
  send(frame: NodeFrame): void {
    if (this.#socket !== undefined) this.sendTexts(encodeFrame(frame, randomUUID()));
  }

  /** Sends a frame that was encoded before. */
  sendTexts(texts: readonly string[]): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    for (const text of texts) socket.send(text);
    if (socket.unsentBytes() <= linkUnsentBytesMax) return;
    // The other side reads nothing any more: what is not sent now is told on the next link.
    socket.abort();
    this.#lost(closeCodes.tryLater);
  }

  /** Bytes that wait to leave; undefined without a socket. */
  unsentBytes(): number | undefined {
    return this.#socket?.unsentBytes();
  }

  close(code: CloseCode, reason: string): void {
    this.#tries += 1;
    this.#farewell = this.#socket?.close(code, reason) ?? Promise.resolve();
    this.#socket = undefined;
  }

  /** Resolves when the control plane has read everything up to the last `close`. */
  farewell(): Promise<void> {
    return this.#farewell;
  }

  #listener(own: number): LinkSocketListener {
    const { dispatch, generations, log } = this.#deps;
    const current = (run: () => void): void => {
      if (own === this.#tries) run();
    };
    return {
      onOpened: () => current(() => dispatch({ kind: "opened" })),
      onReceived: (text) => current(() => dispatch({ kind: "received", text })),
      onHeard: () => current(() => dispatch({ kind: "heard" })),
      onLost: (code) => current(() => this.#lost(code)),
      onRefused: (refusal, detail) =>
        current(() => {
          this.#socket = undefined;
          if (refusal.kind === "status" && refusal.status === 409) generations.refused();
          log.debug({ detail }, "no link to the control plane");
          dispatch({ kind: "refused", refusal });
        }),
    };
  }

  #lost(code: number): void {
    this.#tries += 1;
    this.#socket = undefined;
    this.#deps.log.info({ code }, "link to the control plane lost");
    this.#deps.dispatch({ kind: "lost", code });
  }
}
