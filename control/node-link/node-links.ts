import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

import { jitteredMs } from "#shared/base/backoff.ts";
import type { Timer } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import {
  handshakeBurstMax,
  handshakeMsMax,
  handshakesPendingMax,
  handshakesPerSecondMax,
  linkPayloadBytesMax,
  linksPerInstanceMax,
  linkTicksPerSecond,
  sweepMs,
} from "#shared/base/limits.ts";
import { fullBucket, refilled, type Bucket, type Rate } from "#shared/base/token-bucket.ts";
import { agentPaths, closeCodes, linkSubprotocol } from "#shared/wire/protocol.ts";

import { createFlipLog, type FlipLog } from "../flip-log.ts";
import type { EndedLink } from "../node-rows.ts";
import type { LinkDesk } from "./link-desk.ts";
import { createLinkHandshake, type Admitted, type LinkHandshake } from "./link-handshake.ts";
import type { LinkEvent } from "./link-machine-events.ts";
import { LinkRegistry } from "./link-registry.ts";
import { NodeLink } from "./node-link.ts";
import type { NodeStore } from "./node-store.ts";
import { reconnectSpread } from "./reconnect-spread.ts";
import { refuseUpgrade, type UpgradeRefusal } from "./upgrade-answer.ts";
import { createWsCarrier } from "./ws-carrier.ts";

const handshakeRate: Rate = { burst: handshakeBurstMax, perSecond: handshakesPerSecondMax };

/** Refused nodes come back within so many seconds, each at its own time. */
const retryAfterSpreadS = 5;

export interface NodeLinksDeps extends LinkDesk {
  readonly store: NodeStore;
  readonly random: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** The links with nodes that this process holds. */
export interface NodeLinks extends Stoppable {
  /** Whether an upgrade asks for a link. */
  readonly takes: (request: IncomingMessage) => boolean;
  /** Takes ownership of the socket: it becomes a link, or is answered and closed. */
  readonly handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Links that are open, or closing. */
  count(): number;
}

/** Takes links of nodes over WebSockets, from now until it is stopped. */
export function createNodeLinks(deps: NodeLinksDeps): NodeLinks {
  const links = new WsNodeLinks(deps);
  links.start();
  return {
    name: "node-links",
    takes: (request) => pathOf(request) === agentPaths.link,
    handleUpgrade: (request, socket, head) => links.handleUpgrade(request, socket, head),
    count: () => links.count(),
    stop: () => links.stop(),
  };
}

class WsNodeLinks {
  readonly #deps: NodeLinksDeps;
  readonly #registry: LinkRegistry;
  readonly #handshake: LinkHandshake;
  readonly #trouble: FlipLog;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: linkPayloadBytesMax,
    perMessageDeflate: false,
    handleProtocols: () => linkSubprotocol,
  });
  readonly #timers: Timer[] = [];
  #handshakes: Bucket;
  #pending = 0;
  #stopping: PromiseWithResolvers<void> | undefined;

  constructor(deps: NodeLinksDeps) {
    this.#deps = deps;
    this.#registry = new LinkRegistry(deps.publisher);
    this.#handshake = createLinkHandshake(deps.clock, deps.store);
    this.#handshakes = fullBucket(handshakeRate, deps.clock.monotonicMs());
    this.#trouble = createFlipLog(deps.log, "link-store");
  }

  start(): void {
    const { clock } = this.#deps;
    this.#timers.push(clock.every(1_000 / linkTicksPerSecond, () => this.#registry.tick()));
    this.#planSweep();
  }

  count(): number {
    return this.#registry.size;
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const busy = this.#busy();
    if (busy !== undefined) {
      refuseUpgrade(socket, busy);
      return;
    }
    this.#pending += 1;
    const bound = this.#deps.clock.after(handshakeMsMax, () => socket.destroy());
    void this.#admit(request, socket, head).finally(() => {
      this.#pending -= 1;
      bound.stop();
    });
  }

  async stop(): Promise<void> {
    this.#stopping ??= Promise.withResolvers<void>();
    for (const timer of this.#timers) timer.stop();
    const retry = reconnectSpread(this.#registry.size);
    const event = { kind: "close", code: closeCodes.restart, reason: "restart", retry } as const;
    this.#registry.visitAll("stop", (link) => link.handle(event));
    this.#settleStop();
    await this.#stopping.promise;
  }

  /** Why no link can be taken now; undefined when one can. */
  #busy(): UpgradeRefusal | undefined {
    const full = this.#registry.size + this.#pending >= linksPerInstanceMax;
    if (this.#stopping !== undefined || full || this.#pending >= handshakesPendingMax) {
      return this.#tryLater("http/busy", "no more links are taken here now");
    }
    const { tokens, atMs } = refilled(
      this.#handshakes,
      handshakeRate,
      this.#deps.clock.monotonicMs(),
    );
    this.#handshakes = { tokens: Math.max(0, tokens - 1), atMs };
    if (tokens >= 1) return undefined;
    return this.#tryLater("http/busy", "too many nodes connect at the same time");
  }

  #tryLater(code: string, detail: string): UpgradeRefusal {
    const seconds = 1 + Math.floor(this.#deps.random() * retryAfterSpreadS);
    return { status: 503, code, detail, headers: { "Retry-After": String(seconds) } };
  }

  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      const outcome = await this.#handshake(request);
      this.#trouble.worked("handshake");
      if (outcome.kind === "admitted") {
        await this.#upgrade(request, { socket, head }, outcome);
        return;
      }
      this.#deps.log.debug("link.refused", { code: outcome.refusal.code });
      refuseUpgrade(socket, outcome.refusal);
    } catch (error) {
      this.#trouble.failed("handshake", error);
      refuseUpgrade(socket, this.#tryLater("http/unavailable", "nodes cannot be looked up now"));
    }
  }

  async #upgrade(
    request: IncomingMessage,
    { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
    admitted: Admitted,
  ): Promise<void> {
    const { tenantId, groupId } = admitted.node;
    const key = { tenantId, groupId };
    await this.#registry.ready(key);
    if (socket.destroyed || this.#stopping !== undefined) socket.destroy();
    else {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.#open(webSocket, admitted),
      );
    }
    // Followed for its first link, which may not have come about.
    this.#registry.release(key);
  }

  #open(webSocket: WebSocket, { node, claimed }: Admitted): void {
    const { tenantId, groupId, nodeId, receivingKey } = node;
    const { clock, publisher, randomBytes } = this.#deps;
    const key = { tenantId, groupId };
    const session = Buffer.from(randomBytes(12)).toString("hex");
    const link = new NodeLink({
      desk: this.#deps,
      node: { nodeId, receivingKey, key, generation: claimed.generation, session },
      open: {
        session,
        desired: publisher.desired(key) ?? null,
        marks: claimed.marks,
        reconnect: reconnectSpread(this.#registry.size),
      },
      connect: (listener) => createWsCarrier(webSocket, clock, listener),
      onClosed: (closed) => {
        this.#registry.remove(closed);
        this.#settleStop();
      },
    });
    this.#registry.add(link);
  }

  #settleStop(): void {
    if (this.#registry.size === 0) this.#stopping?.resolve();
  }

  #planSweep(): void {
    if (this.#stopping !== undefined) return;
    const { clock, random } = this.#deps;
    const timer = clock.after(jitteredMs(sweepMs, 0.2, random), () => {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      void this.#sweep().finally(() => this.#planSweep());
    });
    this.#timers.push(timer);
  }

  /** Ends links whose node was retired, or connected to another instance since. */
  async #sweep(): Promise<void> {
    const held = Array.from(this.#registry.newest(), ({ node }) => {
      return { node: node.nodeId, generation: node.generation };
    });
    if (held.length === 0) return;
    try {
      const ended = await this.#deps.store.endedLinks(held);
      this.#trouble.worked("sweep");
      for (const { node, why } of ended) this.#registry.find(node)?.handle(endOf(why));
    } catch (error) {
      this.#trouble.failed("sweep", error);
    }
  }
}

function endOf(why: EndedLink["why"]): LinkEvent {
  return why === "revoked"
    ? { kind: "close", code: closeCodes.revoked, reason: "the node was retired", retry: null }
    : {
        kind: "close",
        code: closeCodes.replaced,
        reason: "the node is connected elsewhere",
        retry: null,
      };
}

/** Without the query string: nothing that counts is ever there. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] ?? "";
}
