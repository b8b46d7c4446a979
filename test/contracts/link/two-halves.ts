import type { Version } from "#shared/snapshot/version.ts";
import type { ControlFrame } from "#shared/wire/control-frames.ts";
import type { ApplyError, NodeFrame } from "#shared/wire/node-frames.ts";

import type {
  LinkEffect as ControlEffect,
  LinkEvent as ControlEvent,
} from "../../../control/node-link/link-machine-events.ts";
import type { LinkState as ControlState } from "../../../control/node-link/link-machine-state.ts";
import { openLink, stepLink } from "../../../control/node-link/link-machine.ts";
import type {
  LinkEffect as NodeEffect,
  LinkEvent as NodeLinkEvent,
} from "../../../node-agent/control-link/link-machine-events.ts";
import {
  linkBeforeStart,
  type ConfigFrame,
  type LinkState as NodeState,
} from "../../../node-agent/control-link/link-machine-state.ts";
import { linkDueMs, linkStep } from "../../../node-agent/control-link/link-machine.ts";

const signature = { keyId: "0".repeat(16), value: "A".repeat(86) };

export function versionOf(rev: number, epoch = 1): Version {
  return { epoch, rev, root: `${epoch}`.padEnd(8, "0") + rev.toString(16).padStart(56, "0") };
}

/** How the node takes what it is sent; each is one try at most. */
export interface Trouble {
  /** The next pull of a snapshot fails. */
  fetchFails: boolean;
  /** The next version applies only in part. */
  fails: boolean;
}

/**
 * Both halves of one node's link, with nothing but frames between them. Every frame waits until it
 * is delivered, a loss of the link loses those under way, and both states are written down as JSON
 * and read again between any two events.
 */
export class TwoHalves {
  nowMs = 0;
  desired: Version;
  control: ControlState | undefined;
  node: NodeState = linkBeforeStart;
  readonly toNode: string[] = [];
  readonly toControl: string[] = [];
  readonly trouble: Trouble = { fetchFails: false, fails: false };
  /** What the node holds, as its store would. */
  held: Version | null = null;
  readonly #work: (() => void)[] = [];
  #sessions = 0;
  #lastTickMs = 0;

  constructor(desired: Version) {
    this.desired = desired;
    this.#atNode({ kind: "start", held: { running: null, durable: true } });
  }

  /** The oldest frame to the node, or to the control plane, arrives. */
  deliver(to: "node" | "control"): void {
    if (to === "node") {
      const text = this.toNode.shift();
      if (text !== undefined) this.#atNode({ kind: "received", text });
    } else {
      const text = this.toControl.shift();
      if (text !== undefined) this.#atControl({ kind: "received", text });
    }
  }

  /** The network cuts the link; what is under way is lost on both sides. */
  lose(): void {
    if (this.control === undefined) return;
    this.#atControl({ kind: "carrier-closed" });
    this.#dropCarrier();
    this.#atNode({ kind: "lost", code: 1006 });
  }

  /** The tenant changes something. */
  publish(version: Version): void {
    this.desired = version;
    this.#atControl({ kind: "desired", version });
  }

  /** The node goes on with what it has taken in hand: one part of it. */
  work(): void {
    this.#work.shift()?.();
  }

  pass(ms: number): void {
    this.nowMs += ms;
    const dueMs = linkDueMs(this.node);
    if (dueMs !== null && dueMs <= this.nowMs) this.#atNode({ kind: "tick" });
    if (this.nowMs - this.#lastTickMs < 1_000) return;
    this.#lastTickMs = this.nowMs;
    this.#atControl({ kind: "tick" });
  }

  /** Everything arrives and is done, and time passes, for so long. */
  quiet(ms: number): void {
    for (let passed = 0; passed < ms; passed += 500) {
      for (let turn = 0; turn < 50 && this.#busy(); turn += 1) {
        this.deliver("node");
        this.deliver("control");
        this.work();
      }
      this.pass(500);
    }
  }

  #busy(): boolean {
    return this.toNode.length + this.toControl.length + this.#work.length > 0;
  }

  #atControl(event: ControlEvent): void {
    if (this.control === undefined) return;
    const at = { nowMs: this.nowMs, wallMs: this.nowMs };
    const step = stepLink(asJson(this.control), event, at);
    this.control = step.state;
    for (const effect of step.effects) this.#doForControl(effect);
  }

  #doForControl(effect: ControlEffect): void {
    if (effect.kind === "send") this.toNode.push(JSON.stringify(effect.frame));
    if (effect.kind === "send-config") this.toNode.push(...effect.texts.map(String));
    if (effect.kind === "prepare") this.#prepare(effect);
    if (effect.kind === "close") {
      this.#dropCarrier();
      this.#atNode({ kind: "lost", code: effect.code });
    }
  }

  #prepare({ request, from, whole }: Extract<ControlEffect, { kind: "prepare" }>): void {
    const to = this.desired;
    const pulled = whole || from === null;
    const nonce = `${to.epoch}.${to.rev}/${whole ? "whole" : (from?.rev ?? "nothing")}`;
    const frame: ControlFrame = pulled
      ? { t: "ref", nonce, to, bytes: 1, url: "/snapshot", signature }
      : { t: "delta", nonce, base: from, to, up: [], del: [], secrets: {}, signature };
    const config = { kind: "message", nonce, to, pulled, texts: [JSON.stringify(frame)] } as const;
    this.#atControl({ kind: "prepared", request, config });
  }

  #atNode(event: NodeLinkEvent): void {
    const at = { nowMs: this.nowMs, random: () => 0.5, epochMin: 1 };
    const step = linkStep(asJson(this.node), event, at);
    this.node = step.state;
    for (const effect of step.effects) {
      if (effect.kind === "asked") this.#answer(effect.command.id);
      else this.#doForNode(effect);
    }
  }

  #answer(command: string): void {
    this.#atNode({ kind: "answer", command, code: "busy", result: null });
  }

  #doForNode(effect: Exclude<NodeEffect, { kind: "asked" }>): void {
    switch (effect.kind) {
      case "connect":
        return this.#connect();
      case "hello":
        return this.#say(helloOf(effect.have, this.nowMs));
      case "send":
        return this.#say(effect.frame);
      case "heartbeat":
        return this.#say(heartbeatOf(this.node));
      case "take":
        return this.#take(effect.frame);
      case "close":
        this.#atControl({ kind: "carrier-closed" });
        return this.#dropCarrier();
      case "correct-clock":
      case "welcomed":
      case "reports-marked":
      case "event":
      case "note":
        return undefined;
    }
  }

  #connect(): void {
    this.#dropCarrier();
    this.#sessions += 1;
    const at = { nowMs: this.nowMs, wallMs: this.nowMs };
    const open = { session: `s${this.#sessions}`, desired: this.desired, marks: {} };
    this.control = openLink({ ...open, reconnect: { minMs: 0, maxMs: 1_000 } }, at);
    this.#atNode({ kind: "opened" });
  }

  #say(frame: NodeFrame): void {
    this.toControl.push(JSON.stringify(frame));
  }

  #dropCarrier(): void {
    this.control = undefined;
    this.toNode.length = 0;
    this.toControl.length = 0;
  }

  /** Fetched, verified, stored and applied: each a step of its own, during which all else goes on. */
  #take(frame: ConfigFrame): void {
    const version = frame.to;
    this.#work.push(() => {
      if (frame.t === "ref" && this.trouble.fetchFails) {
        this.trouble.fetchFails = false;
        return this.#atNode({ kind: "config", outcome: { kind: "fetch-failed" } });
      }
      this.held = version;
      this.#work.push(() => this.#settle(version));
      this.#atNode({ kind: "config", outcome: { kind: "accepted", version, durable: true } });
    });
  }

  #settle(version: Version): void {
    const errors = this.trouble.fails ? [oneError] : [];
    this.trouble.fails = false;
    const connections = { kept: 0, drained: 0, cut: 0 };
    const outcome = { kind: "settled", version, balancers: [], errors, connections } as const;
    this.#atNode({ kind: "config", outcome: { ...outcome, balancers: [] } });
    // What failed is tried again, and then serves.
    if (errors.length > 0) {
      this.#work.push(() => this.#atNode({ kind: "standing", balancers: [], errors: [] }));
    }
  }
}

const oneError: ApplyError = { id: "bal_a", pointer: "/bind/0", code: "EADDRINUSE", detail: "" };

function helloOf(have: Version | null, clockMs: number): NodeFrame {
  const who = { agent: "0", capabilities: [], bootId: "boot", os: "", hostname: "", labels: {} };
  return { t: "hello", protocols: [1], ...who, have, clockMs };
}

function heartbeatOf(state: NodeState): NodeFrame {
  const measured = { connections: 0, rssBytes: 0, cpuShare: 0, durable: state.durable };
  const failing = state.standing?.errors.length ?? 0;
  return { t: "hb", running: state.running, failing, ...measured };
}

/** Guarantee: neither state holds anything that JSON cannot carry, which is what this proves. */
function asJson<T>(state: T): T {
  return JSON.parse(JSON.stringify(state)) as T;
}
