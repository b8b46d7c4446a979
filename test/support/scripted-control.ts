import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";

import { WebSocketServer, type WebSocket } from "ws";

import { keyIdOf } from "#shared/snapshot/keys.ts";
import { isSignedBy } from "#shared/snapshot/signature.ts";
import type { Snapshot } from "#shared/snapshot/snapshot.ts";
import type { Version } from "#shared/snapshot/version.ts";
import { decodeAssembled, decodeFrame } from "#shared/wire/codec.ts";
import type { ControlFrame, WelcomeFrame } from "#shared/wire/control-frames.ts";
import {
  claimedValue,
  parseNodeAuthorization,
  type NodeClaim,
} from "#shared/wire/node-authorization.ts";
import { nodeFrameSchema, type NodeFrame } from "#shared/wire/node-frames.ts";
import { takePart, type PartsState } from "#shared/wire/parts.ts";
import { agentPaths, linkSubprotocol } from "#shared/wire/protocol.ts";

import { eventually } from "./eventually.ts";
import type { TestCertificate } from "./test-certificates.ts";

/** An answer to a request that is not let through. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A control plane that does what a test says: real HTTP and real WebSockets, no database. It checks
 * the node's signature on everything, and keeps what was said.
 */
export class ScriptedControl {
  /** Links in the order of their opening. */
  readonly links: ScriptedLink[] = [];
  /** Claims of all requests whose signature was right. */
  readonly claims: NodeClaim[] = [];
  /** Decides about a request; undefined lets it through. */
  refuse: (claim: NodeClaim, path: string) => Refusal | undefined = () => undefined;
  /** What is served under `/v1/agent/snapshots/`; undefined is 404. */
  snapshot: ((root: string) => Snapshot | string | undefined) | undefined;
  /** Answers `hello` by itself unless this is undefined. */
  welcome: Partial<WelcomeFrame> | undefined = {};
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #nodeKey: string;

  readonly #scheme: string;

  private constructor(nodeKey: string, tls: TestCertificate | undefined) {
    this.#nodeKey = nodeKey;
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = tls === undefined ? createServer() : createTlsServer(tls);
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) =>
      this.#pull(request, response),
    );
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  static async start(
    nodeKey: string,
    how: { readonly port?: number; readonly tls?: TestCertificate } = {},
  ): Promise<ScriptedControl> {
    const control = new ScriptedControl(nodeKey, how.tls);
    control.#server.listen(how.port ?? 0, "127.0.0.1");
    await once(control.#server, "listening");
    return control;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** The nth link (from 1), once it is there and has said hello. */
  async link(nth: number): Promise<ScriptedLink> {
    const link = await eventually(() => this.links[nth - 1] ?? false);
    if (link === false) throw new Error("unreachable");
    await link.next("hello");
    return link;
  }

  async stop(): Promise<void> {
    for (const link of this.links) link.socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) return refuseUpgrade(socket, refusal);
    if (request.url !== agentPaths.link) return refuseUpgrade(socket, { status: 404 });
    if (request.headers["sec-websocket-protocol"] !== linkSubprotocol) {
      return refuseUpgrade(socket, { status: 400 });
    }
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      this.links.push(new ScriptedLink(opened, () => this.welcome));
    });
  }

  #pull(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      response.writeHead(refusal.status, { ...refusal.headers }).end();
      return;
    }
    const root = (request.url ?? "").slice(agentPaths.snapshots.length);
    const served = this.snapshot?.(root);
    if (served === undefined) {
      response.writeHead(404).end();
      return;
    }
    const body = typeof served === "string" ? served : JSON.stringify(served);
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(body));
  }

  #refusalOf(request: IncomingMessage): Refusal | undefined {
    const parsed = parseNodeAuthorization(request.headers.authorization ?? "");
    if (parsed === undefined) return { status: 401 };
    const path = request.url ?? "";
    const value = claimedValue({ method: request.method ?? "", path }, parsed.claim);
    const keyId = keyIdOf(this.#nodeKey);
    const trusted = new Map([[keyId, this.#nodeKey]]);
    const signature = { keyId, value: parsed.signature };
    if (!isSignedBy(trusted, "midstream.node.v1", { value, signature })) return { status: 401 };
    this.claims.push(parsed.claim);
    return this.refuse(parsed.claim, path);
  }
}

/** One link of a scripted control plane. */
export class ScriptedLink {
  readonly socket: WebSocket;
  /** Everything the node said, in order. */
  readonly frames: NodeFrame[] = [];
  closedWith: number | undefined;
  #parts: PartsState | undefined;
  readonly #taken = new Set<NodeFrame>();

  constructor(socket: WebSocket, welcome: () => Partial<WelcomeFrame> | undefined) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("close", (code) => (this.closedWith = code));
    socket.on("message", (data: Buffer) => {
      const frame = this.#frameOf(data.toString());
      if (frame === undefined) return;
      this.frames.push(frame);
      const answer = welcome();
      if (frame.t === "hello" && answer !== undefined) this.send(welcomeOf(frame.bootId, answer));
    });
  }

  send(frame: ControlFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame of this type that was not taken yet. */
  async next<T extends NodeFrame["t"]>(t: T): Promise<Extract<NodeFrame, { t: T }>> {
    return eventually(() => {
      const found = this.frames.find((frame) => frame.t === t && !this.#taken.has(frame));
      if (found === undefined) {
        throw new Error(`no ${t} among ${this.frames.map((frame) => frame.t).join(" ")}`);
      }
      this.#taken.add(found);
      return found as Extract<NodeFrame, { t: T }>;
    });
  }

  #frameOf(text: string): NodeFrame | undefined {
    const outcome = decodeFrame(nodeFrameSchema, text);
    if (outcome.kind === "frame") return outcome.frame;
    if (outcome.kind === "refused") throw new Error(`the node sent a frame that is ${outcome.why}`);
    const step = takePart(this.#parts, outcome.part, Date.now());
    this.#parts = step.kind === "more" ? step.state : undefined;
    if (step.kind === "refused") throw new Error("the node sent parts out of order");
    if (step.kind === "more") return undefined;
    const whole = decodeAssembled(nodeFrameSchema, step.text);
    if (whole.kind !== "frame") throw new Error("the node sent a message that is malformed");
    return whole.frame;
  }
}

function welcomeOf(bootId: string, over: Partial<WelcomeFrame> = {}): WelcomeFrame {
  return {
    t: "welcome",
    session: "session",
    protocol: 1,
    heartbeatMs: 20_000,
    statisticsMs: 2_000,
    controlTimeMs: Date.now(),
    reconnect: { minMs: 0, maxMs: 1_000 },
    desired: null,
    statistics: { bootId, seq: 0 },
    ...over,
  };
}

export function heartbeatOf(desired: Version | null, bootId = "boot", seq = 0): ControlFrame {
  return { t: "hb", controlTimeMs: Date.now(), desired, statistics: { bootId, seq } };
}

function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  const headers = Object.entries({
    "content-length": "0",
    connection: "close",
    ...refusal.headers,
  });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${refusal.status} No\r\n${lines}\r\n`);
}
