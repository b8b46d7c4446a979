import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

import type { Stoppable } from "#shared/base/lifetime.ts";
import { handshakeMsMax, linkPayloadBytesMax, linkTicksPerSecond } from "#shared/base/limits.ts";
import type { Signer } from "#shared/snapshot/signature.ts";
import { agentPaths, closeCodes, linkSubprotocol } from "#shared/wire/protocol.ts";

import { customerOf, type ClientAddressOf } from "../client-address.ts";
import { createFlipLog, type FlipLog } from "../flip-log.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import { HandshakeGate, type Visit } from "./handshake-gate.ts";
import { IncompleteMessages } from "./incomplete-messages.ts";
import type { LinkDesk } from "./link-desk.ts";
import { createLinkHandshake, type Admitted, type LinkHandshake } from "./link-handshake.ts";
import { LinkRegistry } from "./link-registry.ts";
import { startLinkSweep } from "./link-sweep.ts";
import { NodeLink } from "./node-link.ts";
import type { NodeStore } from "./node-store.ts";
import { startQuestionSweep } from "./question-sweep.ts";
import { reconnectSpread } from "./reconnect-spread.ts";
import { refuseUpgrade } from "./upgrade-answer.ts";
import { createWsCarrier } from "./ws-carrier.ts";

export interface NodeLinksDeps extends LinkDesk {
  readonly store: NodeStore;
  /** Signs what nodes are asked. */
  readonly signer: Pick<Signer, "sign">;
  readonly addressOf: ClientAddressOf;
  /** Attempts by address, of links and of everything else that nodes sign. */
  readonly attempts: RateLimiter;
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
  return {
    name: "node-links",
    takes: (request) => pathOf(request) === agentPaths.link,
    handleUpgrade: (request, socket, head) => links.handleUpgrade(request, socket, head),
    count: () => links.count(),
    stop: () => links.stop(),
  };
}

/** A connection that asked for an upgrade, with what it sent ahead. */
interface Connection {
  readonly socket: Duplex;
  readonly head: Buffer;
}

class WsNodeLinks {
  readonly #deps: NodeLinksDeps;
  readonly #registry: LinkRegistry;
  readonly #handshake: LinkHandshake;
  readonly #gate: HandshakeGate;
  readonly #incomplete = new IncompleteMessages();
  readonly #trouble: FlipLog;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: linkPayloadBytesMax,
    perMessageDeflate: false,
    handleProtocols: () => linkSubprotocol,
  });
  readonly #periodic: readonly { readonly stop: () => void }[];
  #stopping: PromiseWithResolvers<void> | undefined;

  constructor(deps: NodeLinksDeps) {
    this.#deps = deps;
    this.#registry = new LinkRegistry(deps.publisher);
    this.#handshake = createLinkHandshake(deps.clock, deps.store);
    this.#gate = new HandshakeGate({ ...deps, links: this.#registry });
    this.#trouble = createFlipLog(deps.log, "link-store");
    this.#periodic = [
      deps.clock.every(1_000 / linkTicksPerSecond, () => this.#registry.tick()),
      startLinkSweep({ ...deps, registry: this.#registry, trouble: this.#trouble }),
      startQuestionSweep({ ...deps, registry: this.#registry, trouble: this.#trouble }),
    ];
  }

  count(): number {
    return this.#registry.size;
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    if (this.#stopping !== undefined) {
      refuseUpgrade(socket, this.#gate.tryLater("http/busy", "the control plane stops"));
      return;
    }
    const visit = this.#gate.enter(this.#customerOf(request));
    if ("status" in visit) {
      refuseUpgrade(socket, visit);
      return;
    }
    const bound = this.#deps.clock.after(handshakeMsMax, () => socket.destroy());
    void this.#admit(visit, request, { socket, head }).finally(() => {
      visit.leave();
      bound.stop();
    });
  }

  async stop(): Promise<void> {
    this.#stopping ??= Promise.withResolvers<void>();
    for (const periodic of this.#periodic) periodic.stop();
    const retry = reconnectSpread(this.#registry.size);
    const event = { kind: "close", code: closeCodes.restart, reason: "restart", retry } as const;
    this.#registry.visitAll("stop", (link) => link.handle(event));
    this.#settleStop();
    await this.#stopping.promise;
  }

  /** Whom the attempt counts against. */
  #customerOf({ socket, headers }: IncomingMessage): string {
    const forwarded = headers["x-forwarded-for"];
    const forwardedFor = Array.isArray(forwarded) ? forwarded.join(",") : forwarded;
    return customerOf(this.#deps.addressOf({ peer: socket.remoteAddress, forwardedFor }));
  }

  async #admit(visit: Visit, request: IncomingMessage, connection: Connection): Promise<void> {
    const { socket } = connection;
    try {
      const outcome = await this.#handshake(request, (node) => visit.verified(node));
      this.#trouble.worked("handshake");
      if (outcome.kind === "admitted") {
        await this.#upgrade(request, connection, outcome);
        return;
      }
      this.#deps.log.debug("link.refused", { code: outcome.refusal.code });
      refuseUpgrade(socket, outcome.refusal);
    } catch (error) {
      this.#trouble.failed("handshake", error);
      visit.undecided();
      const detail = "nodes cannot be looked up now";
      refuseUpgrade(socket, this.#gate.tryLater("http/unavailable", detail));
    }
  }

  async #upgrade(
    request: IncomingMessage,
    { socket, head }: Connection,
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
      onIncomplete: (incomplete, bytes) => this.#incomplete.holds(incomplete, bytes),
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
}

/** Without the query string: nothing that counts is ever there. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] ?? "";
}
