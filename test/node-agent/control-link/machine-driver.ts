import type { Version } from "#shared/snapshot/version.ts";
import type { ControlFrame, DeltaFrame, RefFrame } from "#shared/wire/control-frames.ts";
import type { NodeFrame } from "#shared/wire/node-frames.ts";

import type {
  LinkEffect,
  LinkEvent,
} from "../../../node-agent/control-link/link-machine-events.ts";
import {
  linkBeforeStart,
  type LinkState,
} from "../../../node-agent/control-link/link-machine-state.ts";
import { linkDueMs, linkStep } from "../../../node-agent/control-link/link-machine.ts";

const signature = { keyId: "0".repeat(16), value: "A".repeat(86) };

/** A version of epoch 1, or of another one; the root follows from the revision unless given. */
export function versionOf(rev: number, over: Partial<Version> = {}): Version {
  return { epoch: 1, rev, root: rev.toString(16).padStart(64, "0"), ...over };
}

export function deltaOf(base: Version | null, to: Version, nonce = `n${to.rev}`): DeltaFrame {
  return { t: "delta", nonce, base, to, up: [], del: [], secrets: {}, signature };
}

export function refOf(to: Version, nonce = `r${to.rev}`): RefFrame {
  return { t: "ref", nonce, to, bytes: 100, url: `/v1/agent/snapshots/${to.root}`, signature };
}

export interface DriverOptions {
  readonly running?: Version | null;
  /** What `random` gives. */
  readonly luck?: number;
  readonly epochMin?: number;
}

/**
 * Feeds a link's machine, and keeps what it wants done. Between any two events its state is written
 * down as JSON and read again.
 */
export class MachineDriver {
  nowMs = 1_000;
  state: LinkState = linkBeforeStart;
  readonly #options: DriverOptions;

  constructor(options: DriverOptions = {}) {
    this.#options = options;
  }

  event(event: LinkEvent): readonly LinkEffect[] {
    const at = {
      nowMs: this.nowMs,
      random: () => this.#options.luck ?? 0.5,
      epochMin: this.#options.epochMin ?? 1,
    };
    const step = linkStep(asJson(this.state), event, at);
    this.state = step.state;
    return step.effects;
  }

  frame(frame: ControlFrame): readonly LinkEffect[] {
    return this.event({ kind: "received", text: JSON.stringify(frame) });
  }

  /** Moves on to when the machine wants to be woken, and wakes it. */
  wake(): readonly LinkEffect[] {
    const dueMs = linkDueMs(this.state);
    if (dueMs === null) throw new Error("nothing is due");
    this.nowMs = dueMs;
    return this.event({ kind: "tick" });
  }

  start(): readonly LinkEffect[] {
    const { running = null } = this.#options;
    return this.event({ kind: "start", held: { running, durable: true } });
  }

  /** Up to an open link. */
  open(desired: Version | null = null): readonly LinkEffect[] {
    if (this.state.stage.kind === "stopped") this.start();
    this.event({ kind: "opened" });
    return this.frame(this.welcome(desired));
  }

  welcome(desired: Version | null): ControlFrame {
    return {
      t: "welcome",
      session: "s1",
      protocol: 1,
      heartbeatMs: 20_000,
      statisticsMs: 2_000,
      controlTimeMs: 1,
      reconnect: { minMs: 2_000, maxMs: 10_000 },
      desired,
      statistics: { bootId: "b1", seq: 0 },
    };
  }

  heartbeat(desired: Version | null): readonly LinkEffect[] {
    return this.frame({
      t: "hb",
      controlTimeMs: 1,
      desired,
      statistics: { bootId: "b1", seq: 0 },
    });
  }

  /** The version is taken and serves, all of it. */
  applied(version: Version): readonly LinkEffect[] {
    return [
      ...this.event({ kind: "config", outcome: { kind: "accepted", version, durable: true } }),
      ...this.event({
        kind: "config",
        outcome: {
          kind: "settled",
          version,
          balancers: [],
          errors: [],
          connections: { kept: 0, drained: 0, cut: 0 },
        },
      }),
    ];
  }
}

/** The frames among the effects. */
export function sent(effects: readonly LinkEffect[]): readonly NodeFrame[] {
  return effects.flatMap((effect) => (effect.kind === "send" ? [effect.frame] : []));
}

export function kinds(effects: readonly LinkEffect[]): readonly string[] {
  return effects.map((effect) => (effect.kind === "note" ? `note ${effect.note}` : effect.kind));
}

/** Guarantee: the state holds nothing that JSON cannot carry, which is what this proves. */
function asJson(state: LinkState): LinkState {
  return JSON.parse(JSON.stringify(state)) as LinkState;
}
