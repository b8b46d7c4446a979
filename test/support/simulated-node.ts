import { randomBytes, randomUUID, type KeyObject } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

import { WebSocket } from "ws";

import { canonicalJson } from "#shared/snapshot/canonical.ts";
import { applyDifference } from "#shared/snapshot/difference.ts";
import { sha256Hex } from "#shared/snapshot/hash.ts";
import { keyIdOf, newKeyPair, privateKeyOf, type KeyPairText } from "#shared/snapshot/keys.ts";
import { rootOf, type Manifest } from "#shared/snapshot/manifest.ts";
import type { SealedSecret } from "#shared/snapshot/sealed.ts";
import { isSignedBy, signWith, type TrustedKeys } from "#shared/snapshot/signature.ts";
import {
  manifestOfSnapshot,
  refusalOf,
  signedValueOf,
  snapshotSchema,
  type Snapshot,
} from "#shared/snapshot/snapshot.ts";
import { sameVersion, type Version } from "#shared/snapshot/version.ts";
import {
  controlFrameSchema,
  type ControlFrame,
  type DeltaFrame,
  type RefFrame,
} from "#shared/wire/control-frames.ts";
import { joinProofValue, joinResponseSchema, type JoinResponse } from "#shared/wire/join.ts";
import { claimedValue, formatNodeAuthorization } from "#shared/wire/node-authorization.ts";
import type { ApplyError, HelloFrame, NodeFrame } from "#shared/wire/node-frames.ts";
import { agentPaths, linkSubprotocol } from "#shared/wire/protocol.ts";

/** What a node has on its disk after it joined. */
export interface NodeIdentity extends JoinResponse {
  readonly signing: KeyPairText;
  readonly receiving: KeyPairText;
}

export interface JoinOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Joins as an agent does: makes its keys, proves that it holds them. */
export async function joinSimulated(
  url: string,
  token: string,
  options: JoinOptions = {},
): Promise<NodeIdentity> {
  const signing = newKeyPair("ed25519");
  const receiving = newKeyPair("x25519");
  const keys = { token, signingKey: signing.publicKey, receivingKey: receiving.publicKey };
  const key = { keyId: keyIdOf(signing.publicKey), privateKey: privateKeyOf(signing.privateKey) };
  const proof = signWith(key, "midstream.node.v1", joinProofValue(keys)).value;
  const { labels = {}, headers = {} } = options;
  const response = await fetch(new URL(agentPaths.join, url), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ ...keys, hostname: "simulated", agent: "0.0.0-test", labels, proof }),
  });
  const answer = await response.text();
  const { status } = response;
  if (status !== 201) throw new Error(`join was answered with ${status}: ${answer}`);
  return { ...joinResponseSchema.parse(JSON.parse(answer)), signing, receiving };
}

export interface SimulatedNodeOptions {
  readonly identity: NodeIdentity;
  /** Base URL of the control plane. */
  readonly url: string;
  /** What it does with a version: answers every phase, the last one only, or nothing. */
  readonly answers?: "phases" | "serving" | "nothing";
  /** Errors to refuse every version with, as a whole. */
  readonly refuses?: readonly ApplyError[];
  readonly hello?: Partial<HelloFrame>;
  /** Told of every version that serves. */
  readonly onServing?: (version: Version) => void;
}

/** How a link ended. */
export interface LinkEnd {
  readonly code: number;
  readonly reason: string;
}

/** What an upgrade was refused with. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The problem's code. */
  readonly code: string;
}

export type ConnectOutcome =
  | { readonly kind: "open" }
  | ({ readonly kind: "refused" } & UpgradeAnswer)
  | { readonly kind: "failed"; readonly error: Error };

const allPhases = ["stored", "applied", "serving"] as const;

interface Held {
  readonly version: Version;
  readonly manifest: Manifest;
}

/**
 * A node without a data plane: it joins, connects, verifies every signature, hash and root, keeps
 * the result in memory and acknowledges. What it gets wrong it says, as an agent would.
 */
export class SimulatedNode {
  readonly #options: SimulatedNodeOptions;
  readonly #key: { readonly keyId: string; readonly privateKey: KeyObject };
  readonly #trusted: TrustedKeys;
  readonly frames: ControlFrame[] = [];
  readonly bodies = new Map<string, unknown>();
  secrets: Readonly<Record<string, SealedSecret>> = {};
  bootId: string = randomUUID();
  generation = 0;
  clockOffsetMs = 0;
  /** Everything that was not what it said it is. */
  readonly refusals: string[] = [];
  #held: Held | undefined;
  #socket: WebSocket | undefined;
  #closed: PromiseWithResolvers<LinkEnd> = Promise.withResolvers();

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
    const { signing, signingKeys } = options.identity;
    const privateKey = privateKeyOf(signing.privateKey);
    this.#key = { keyId: keyIdOf(signing.publicKey), privateKey };
    this.#trusted = new Map(signingKeys.map((key) => [keyIdOf(key), key]));
  }

  /** Its id. */
  get node(): string {
    return this.#options.identity.node;
  }

  get running(): Version | undefined {
    return this.#held?.version;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Settles when the link that was opened last is closed. */
  get closed(): Promise<LinkEnd> {
    return this.#closed.promise;
  }

  get socket(): WebSocket {
    if (this.#socket === undefined) throw new Error("not connected");
    return this.#socket;
  }

  /** The signed header for a request. */
  authorization(method: string, path: string): string {
    const { node } = this.#options.identity;
    const atMs = Date.now() + this.clockOffsetMs;
    const nonce = randomBytes(9).toString("base64url");
    const claim = { node, atMs, nonce, generation: this.generation };
    const value = claimedValue({ method, path }, claim);
    return formatNodeAuthorization(claim, signWith(this.#key, "midstream.node.v1", value).value);
  }

  /** Opens a link with the next generation, and says hello. */
  async connect(url: string = this.#options.url): Promise<ConnectOutcome> {
    this.generation += 1;
    const outcome = await this.connectSilently(url);
    if (outcome.kind === "open") this.send(this.hello());
    return outcome;
  }

  /** Opens a link with the generation as it stands, and says nothing. */
  connectSilently(url: string = this.#options.url): Promise<ConnectOutcome> {
    return this.connectWith({ authorization: this.authorization("GET", agentPaths.link) }, url);
  }

  /** Opens a link with these headers, and says nothing. */
  connectWith(
    headers: Readonly<Record<string, string>>,
    url: string = this.#options.url,
    protocol: string = linkSubprotocol,
  ): Promise<ConnectOutcome> {
    const address = new URL(agentPaths.link, url);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, protocol, { headers, perMessageDeflate: false });
    const closed = Promise.withResolvers<LinkEnd>();
    this.#socket = socket;
    this.#closed = closed;
    socket.on("message", (data: Buffer) => {
      const frame = controlFrameSchema.parse(JSON.parse(data.toString("utf8")));
      this.frames.push(frame);
      if (this.#options.answers !== "nothing") this.#received(frame, socket);
    });
    socket.on("close", (code, reason) => closed.resolve({ code, reason: reason.toString() }));
    return new Promise((resolve) => {
      socket.on("open", () => resolve({ kind: "open" }));
      socket.on("error", (error) => resolve({ kind: "failed", error }));
      socket.on("unexpected-response", (_, answer) => {
        void refusalOfUpgrade(answer).then((refused) => resolve({ kind: "refused", ...refused }));
      });
    });
  }

  send(frame: NodeFrame, on: WebSocket = this.socket): void {
    if (on.readyState === WebSocket.OPEN) on.send(JSON.stringify(frame));
  }

  /** Says what it runs, as it does every 20 seconds. */
  beat(failing = 0): void {
    const running = this.running ?? null;
    const load = { connections: 0, rssBytes: 0, cpuShare: 0 };
    this.send({ t: "hb", running, failing, ...load, durable: true });
  }

  /** Ends the link in order. */
  async close(): Promise<LinkEnd> {
    this.#socket?.close(1000);
    return this.closed;
  }

  /** Loses the link without a word. */
  drop(): void {
    this.#socket?.terminate();
  }

  /** Forgets everything, as after the loss of its disk. */
  forget(): void {
    this.#held = undefined;
    this.bodies.clear();
  }

  /** How it introduces itself. */
  hello(): HelloFrame {
    return {
      t: "hello",
      protocols: [1],
      agent: "0.0.0-test",
      capabilities: ["tcp"],
      bootId: this.bootId,
      have: this.running ?? null,
      os: "test",
      hostname: "simulated",
      labels: {},
      clockMs: Date.now() + this.clockOffsetMs,
      ...this.#options.hello,
    };
  }

  #received(frame: ControlFrame, socket: WebSocket): void {
    if (frame.t === "delta") this.#take(frame, socket, () => this.#fromDelta(frame));
    if (frame.t === "ref") {
      void this.pulled(frame.url).then((snapshot) =>
        this.#take(frame, socket, () => this.#fromSnapshot(snapshot)),
      );
    }
  }

  #take(frame: DeltaFrame | RefFrame, socket: WebSocket, held: () => Held | string): void {
    const { refuses = [], answers } = this.#options;
    const { nonce, to: version } = frame;
    if (refuses.length > 0) {
      const running = this.running ?? null;
      const nack = { t: "nack", nonce, version, running, partial: false } as const;
      return this.send({ ...nack, errors: [...refuses] }, socket);
    }
    const outcome = held();
    if (typeof outcome === "string") {
      this.refusals.push(outcome);
      return this.send({ t: "get", want: version, why: "root-mismatch" }, socket);
    }
    this.#held = outcome;
    for (const phase of answers === "phases" ? allPhases : (["serving"] as const)) {
      const connections = { kept: 0, drained: 0, cut: 0 };
      const ack = { t: "ack", nonce, version, phase, balancers: [], durable: true } as const;
      this.send({ ...ack, balancers: [], connections }, socket);
    }
    this.#options.onServing?.(version);
  }

  #fromDelta(frame: DeltaFrame): Held | string {
    if (!sameVersion(frame.base ?? undefined, this.running)) return "base-mismatch";
    const changed = frame.up.map(({ kind, id, hash }) => ({ kind, id, hash }));
    const manifest = applyDifference(this.#held?.manifest ?? [], { changed, removed: frame.del });
    const { tenant, group } = this.#options.identity;
    const signed = {
      value: signedValueOf({ tenant, group, version: frame.to }),
      signature: frame.signature,
    };
    if (!isSignedBy(this.#trusted, "midstream.snapshot.v1", signed)) return "bad-signature";
    if (rootOf(manifest) !== frame.to.root) return "bad-root";
    for (const entry of frame.up) {
      if (sha256Hex(canonicalJson(entry.body)) !== entry.hash) return "bad-hash";
      this.bodies.set(entry.id, entry.body);
    }
    for (const { id } of frame.del) this.bodies.delete(id);
    this.secrets = { ...this.secrets, ...frame.secrets };
    return { version: frame.to, manifest };
  }

  #fromSnapshot(snapshot: Snapshot): Held | string {
    const { tenant, group } = this.#options.identity;
    const refusal = refusalOf(snapshot, { tenant, group, trusted: this.#trusted });
    if (refusal !== undefined) return refusal;
    this.bodies.clear();
    for (const { id, body } of snapshot.entries) this.bodies.set(id, body);
    this.secrets = snapshot.secrets;
    return { version: snapshot.version, manifest: manifestOfSnapshot(snapshot) };
  }

  /** A snapshot as it is pulled over HTTP. */
  async pulled(path: string): Promise<Snapshot> {
    const response = await this.get(path);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}`);
    return snapshotSchema.parse(JSON.parse(bytes.toString("utf8")));
  }

  /** A signed GET. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const url = new URL(path, this.#options.url);
    const authorization = this.authorization("GET", url.pathname);
    return fetch(url, { headers: { authorization, ...headers } });
  }
}

async function refusalOfUpgrade(answer: IncomingMessage): Promise<UpgradeAnswer> {
  const { statusCode: status = 0, headers } = answer;
  const problem = JSON.parse(await text(answer)) as { readonly code: string };
  return { status, headers, code: problem.code };
}
