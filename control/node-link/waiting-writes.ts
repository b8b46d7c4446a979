import type { NodeId } from "#shared/base/ids.ts";
import {
  nodeEventsWaitingMax,
  nodeRowsPerWriteMax,
  receiptsWaitingMax,
} from "#shared/base/limits.ts";
import type { HelloFrame, NodeEvent } from "#shared/wire/node-frames.ts";

import type {
  NodeEventWrite,
  NodeHelloWrite,
  NodeReceiptWrite,
  NodeStatusWrite,
  NodeWrites,
} from "../node-rows.ts";
import type { Receipt, StatusChange } from "./link-machine-events.ts";

interface Heard {
  readonly nodeId: NodeId;
  readonly generation: number;
  readonly session: string;
}

/**
 * What nodes said and is not written yet: of each node's status the newest, of each revision one
 * receipt with all its steps. Bounded: of receipts and events the oldest go first.
 */
export class WaitingWrites {
  readonly #instance: string;
  readonly #urgent = new Map<NodeId, NodeStatusWrite>();
  readonly #calm = new Map<NodeId, NodeStatusWrite>();
  readonly #hellos = new Map<NodeId, NodeHelloWrite>();
  readonly #receipts = new Map<string, NodeReceiptWrite>();
  /** Receipts that only say that something was sent: most are answered before they are written. */
  readonly #sent = new Map<string, NodeReceiptWrite>();
  #events: NodeEventWrite[] = [];
  #eventsTaken = 0;

  constructor(instance: string) {
    this.#instance = instance;
  }

  /** Whether something waits that must not wait long. */
  get hasUrgent(): boolean {
    return this.#urgent.size + this.#hellos.size + this.#receipts.size + this.#events.length > 0;
  }

  hello(link: Heard, hello: HelloFrame): void {
    const { nodeId: node, generation } = link;
    const { agent, os, hostname, labels, capabilities } = hello;
    this.#keepHello({ node, generation, agent, os, hostname, labels, capabilities });
  }

  status(
    link: Heard,
    heard: { readonly change: StatusChange; readonly atMs: number; readonly soon: boolean },
  ): void {
    const { nodeId: node, generation, session } = link;
    const { change, atMs, soon } = heard;
    const write = { node, generation, instance: this.#instance, session, atMs, change };
    const urgent = soon || this.#urgent.has(node);
    if (!urgent) return this.#calmed(write);
    const before = this.#calm.get(node);
    this.#calm.delete(node);
    for (const part of before === undefined ? [write] : [before, write]) {
      this.#urgent.set(node, mergedStatus(this.#urgent.get(node), part));
    }
  }

  receipt(link: Heard, receipt: Receipt, atMs: number): void {
    const { rev, errors, phase } = receipt;
    const write = { node: link.nodeId, rev, errors, ...stepsOf(receipt, atMs) };
    const key = receiptKey(write);
    if (phase === "sent" && !this.#receipts.has(key)) {
      this.#sent.set(key, mergedReceipt(this.#sent.get(key), write));
      return dropOldest(this.#sent, receiptsWaitingMax);
    }
    const sent = this.#sent.get(key);
    this.#sent.delete(key);
    this.#keepReceipt(sent === undefined ? write : mergedReceipt(sent, write));
  }

  /** A node's clock dates its events, but never into the future. */
  events(link: Heard, events: readonly NodeEvent[], nowMs: number): void {
    for (const { kind, atMs, balancer, backend, detail } of events) {
      this.#eventsTaken += 1;
      const key = `${this.#instance}:${this.#eventsTaken}`;
      const about = { kind, balancer, backend, detail };
      this.#events.push({ key, node: link.nodeId, atMs: Math.min(atMs, nowMs), ...about });
    }
    this.#boundEvents();
  }

  /** Takes what shall be written next, within the bounds of one statement. */
  take(all: boolean): NodeWrites | undefined {
    const status = taken(this.#urgent);
    if (all) status.push(...taken(this.#calm, nodeRowsPerWriteMax - status.length));
    const hellos = taken(this.#hellos);
    const receipts = taken(this.#receipts);
    if (all) receipts.push(...taken(this.#sent, nodeRowsPerWriteMax - receipts.length));
    const events = this.#events.splice(0, nodeRowsPerWriteMax);
    const rows = status.length + hellos.length + receipts.length + events.length;
    return rows === 0 ? undefined : { status, hellos, receipts, events };
  }

  /** What could not be written; what came since is newer. */
  giveBack(writes: NodeWrites): void {
    for (const write of writes.status) {
      const since = this.#urgent.get(write.node) ?? this.#calm.get(write.node);
      this.#calm.delete(write.node);
      this.#urgent.set(write.node, since === undefined ? write : mergedStatus(write, since));
    }
    for (const hello of writes.hellos) {
      const since = this.#hellos.get(hello.node);
      if (since === undefined) this.#hellos.set(hello.node, hello);
    }
    for (const receipt of writes.receipts) {
      const key = receiptKey(receipt);
      const since = this.#receipts.get(key) ?? this.#sent.get(key);
      this.#sent.delete(key);
      this.#receipts.set(key, since === undefined ? receipt : mergedReceipt(receipt, since));
    }
    this.#events = [...writes.events, ...this.#events];
    this.#boundEvents();
    dropOldest(this.#receipts, receiptsWaitingMax);
  }

  #calmed(write: NodeStatusWrite): void {
    this.#calm.set(write.node, mergedStatus(this.#calm.get(write.node), write));
  }

  #keepHello(hello: NodeHelloWrite): void {
    const before = this.#hellos.get(hello.node);
    if (before !== undefined && before.generation > hello.generation) return;
    this.#hellos.set(hello.node, hello);
  }

  #keepReceipt(receipt: NodeReceiptWrite): void {
    const key = receiptKey(receipt);
    this.#receipts.set(key, mergedReceipt(this.#receipts.get(key), receipt));
    dropOldest(this.#receipts, receiptsWaitingMax);
  }

  #boundEvents(): void {
    const over = this.#events.length - nodeEventsWaitingMax;
    if (over > 0) this.#events.splice(0, over);
  }
}

/** What an older link says changes nothing of what a newer one said. */
function mergedStatus(
  before: NodeStatusWrite | undefined,
  after: NodeStatusWrite,
): NodeStatusWrite {
  if (before === undefined || after.generation > before.generation) return after;
  if (after.generation < before.generation) return before;
  return { ...after, change: { ...before.change, ...after.change } };
}

/** The first time of each step counts, the last errors do. */
function mergedReceipt(
  before: NodeReceiptWrite | undefined,
  after: NodeReceiptWrite,
): NodeReceiptWrite {
  if (before === undefined) return after;
  const speaks = after.errors.length > 0 || after.servingMs !== undefined;
  return { ...after, ...before, errors: speaks ? after.errors : before.errors };
}

function receiptKey({ node, rev }: NodeReceiptWrite): string {
  return `${node} ${rev}`;
}

/** A step includes those before it: phases that follow fast come merged into the last. */
function stepsOf(receipt: Receipt, atMs: number): Partial<NodeReceiptWrite> {
  switch (receipt.phase) {
    case "sent":
      return { sentMs: atMs };
    case "stored":
      return { storedMs: atMs };
    case "applied":
      return { storedMs: atMs, appliedMs: atMs };
    case "serving":
      return { storedMs: atMs, appliedMs: atMs, servingMs: atMs };
    case "refused":
      return {};
  }
}

function taken<K, V>(map: Map<K, V>, max: number = nodeRowsPerWriteMax): V[] {
  const values: V[] = [];
  for (const [key, value] of map) {
    if (values.length >= max) break;
    values.push(value);
    map.delete(key);
  }
  return values;
}

/** A map keeps the order of insertion. */
function dropOldest<K>(map: Map<K, unknown>, sizeMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= sizeMax) return;
    map.delete(key);
  }
}
