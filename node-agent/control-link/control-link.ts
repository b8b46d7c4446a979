import { randomUUID } from "node:crypto";

import type { Clock } from "#shared/base/clock.ts";
import type { Stoppable } from "#shared/base/lifetime.ts";
import { farewellMsMax, linkUnsentBytesPause } from "#shared/base/limits.ts";
import type { Report } from "#shared/measures/report.ts";
import type { Version } from "#shared/snapshot/version.ts";
import { encodeFrame } from "#shared/wire/codec.ts";
import type { CommandFrame, StatisticsMark } from "#shared/wire/control-frames.ts";
import type { AckFrame, ApplyError, HelloFrame, NodeFrame } from "#shared/wire/node-frames.ts";
import { closeCodes, protocolVersions } from "#shared/wire/protocol.ts";

import type { Log } from "../runtime/log.ts";
import { within } from "../runtime/within.ts";
import { createEventSender, type EventDraft, type EventSender } from "./event-sender.ts";
import type { Generations } from "./generation.ts";
import type { Intake } from "./intake.ts";
import { LinkCarrier, type LinkCarrierSettings } from "./link-carrier.ts";
import { createLinkLoop, type LinkLoop } from "./link-loop.ts";
import type { LinkEffect } from "./link-machine-events.ts";
import { linkBeforeStart, type Held, type LinkState } from "./link-machine-state.ts";
import type { OpenLinkSocket } from "./link-socket.ts";
import type { NodeSigner } from "./node-signer.ts";
import { createReportPace } from "./report-pace.ts";

/** Whoever makes reports hears when they can be sent, and which ones were taken. */
export interface ReportListener {
  /** Names the counting since the agent's start. */
  bootId(): string;
  /** A link stands: reports after `mark` are to be sent (again), new ones every `statisticsMs`. */
  linked(mark: StatisticsMark, statisticsMs: number): void;
  marked(mark: StatisticsMark): void;
}

/** What is answered to a command; `done` says that it was done. */
export interface CommandAnswer {
  readonly code: string;
  readonly result: unknown;
}

export interface ControlLinkDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly openSocket: OpenLinkSocket;
  readonly signer: NodeSigner;
  readonly generations: Generations;
  readonly intake: Intake;
  readonly reports: ReportListener;
  /** Answers what the control plane asks; never rejects. */
  readonly answer: (command: CommandFrame) => Promise<CommandAnswer>;
  /** What the agent takes of its host right now. */
  readonly usage: () => {
    readonly rssBytes: number;
    readonly cpuShare: number;
    readonly connections: number;
  };
}

export interface ControlLinkSettings extends LinkCarrierSettings {
  /** The database's lineage when the node joined: nothing older is taken. */
  readonly epochMin: number;
  /** What `hello` says of this node. */
  readonly introduction: Pick<HelloFrame, "agent" | "capabilities" | "os" | "hostname" | "labels">;
}

/** The link as people and metrics see it. */
export interface LinkView extends Held {
  readonly stage: LinkState["stage"]["kind"];
  /** Balancers of the running version that do not run as wanted. */
  readonly failing: number;
  /** Links that stood so far. */
  readonly opened: number;
}

/** This node's standing conversation with the control plane; once started it never gives up. */
export class ControlLink implements Stoppable {
  readonly name = "control-link";
  readonly #deps: ControlLinkDeps;
  readonly #settings: ControlLinkSettings;
  readonly #loop: LinkLoop;
  readonly #carrier: LinkCarrier;
  readonly #events: EventSender;
  readonly #pace = createReportPace();
  #opened = 0;

  constructor(deps: ControlLinkDeps, settings: ControlLinkSettings) {
    const { clock, random } = deps;
    this.#deps = deps;
    this.#settings = settings;
    this.#loop = createLinkLoop(
      { clock, random, perform: (effect) => this.#performOrAnswer(effect) },
      linkBeforeStart,
      { epochMin: settings.epochMin },
    );
    this.#carrier = new LinkCarrier(
      { ...deps, dispatch: (event) => this.#loop.dispatch(event) },
      settings,
    );
    this.#events = createEventSender(
      clock,
      (events) => this.#carrier.send({ t: "ev", events: [...events] }),
      () => this.#isOpen(),
    );
    deps.intake.onOutcome((outcome) => this.#loop.dispatch({ kind: "config", outcome }));
  }

  /** Begins to connect. What is held must not be fully applied before this was called. */
  start(held: Held): void {
    this.#loop.dispatch({ kind: "start", held });
  }

  /** Tells an event, now or when the link is back. */
  report(event: EventDraft): void {
    this.#events.report(event);
  }

  /** The running version fares differently, by itself: some recovered, these still fail. */
  fares(recovered: AckFrame["balancers"], errors: readonly ApplyError[]): void {
    this.#loop.dispatch({ kind: "standing", balancers: recovered, errors });
  }

  /** The disk refused the running snapshot, or has it at last. */
  durability(durable: boolean): void {
    this.#loop.dispatch({ kind: "durability", durable });
  }

  /** Whether the report was handed to an open link: not while that is congested, or too fast. */
  sendReport(report: Report): boolean {
    const unsentBytes = this.#carrier.unsentBytes() ?? Infinity;
    if (!this.#isOpen() || unsentBytes > linkUnsentBytesPause) return false;
    const texts = encodeFrame({ t: "st", report } satisfies NodeFrame, randomUUID());
    if (!this.#pace.take(texts.length, this.#deps.clock.monotonicMs())) return false;
    this.#carrier.sendTexts(texts);
    return true;
  }

  view(): LinkView {
    const { stage, running, durable } = this.#loop.state();
    return {
      stage: stage.kind,
      running,
      durable,
      failing: failingIn(this.#loop.state()),
      opened: this.#opened,
    };
  }

  /** Says goodbye; resolves when the control plane has read everything, or after `farewellMsMax`. */
  async stop(): Promise<void> {
    this.#loop.dispatch({ kind: "stop", reason: "the agent ends" });
    this.#loop.stop();
    this.#events.stop();
    const bound = { ms: farewellMsMax, otherwise: undefined };
    await within(this.#deps.clock, this.#carrier.farewell(), bound);
  }

  #isOpen(): boolean {
    return this.#loop.state().stage.kind === "open";
  }

  #performOrAnswer(effect: LinkEffect): void {
    if (effect.kind === "asked") void this.#answer(effect.command);
    else this.#perform(effect);
  }

  #perform(effect: Exclude<LinkEffect, { kind: "asked" }>): void {
    switch (effect.kind) {
      case "connect":
        return void this.#carrier.dial();
      case "correct-clock":
        return this.#deps.signer.correctTo(effect.controlTimeMs);
      case "hello":
        return this.#carrier.send(this.#hello(effect.have));
      case "send":
        return this.#carrier.send(effect.frame);
      case "heartbeat":
        return this.#carrier.send(this.#heartbeat());
      case "take":
        return void this.#deps.intake.take(effect.frame);
      case "welcomed":
        return this.#welcomed(effect.welcome);
      case "reports-marked":
        return this.#deps.reports.marked(effect.mark);
      case "event":
        return this.#events.report(effect.event);
      case "note":
        return this.#deps.log.warn({ note: effect.note, detail: effect.detail }, "link");
      case "close":
        return this.#carrier.close(effect.code, effect.reason);
    }
  }

  async #answer(command: CommandFrame): Promise<void> {
    const { code, result } = await this.#deps.answer(command);
    this.#loop.dispatch({ kind: "answer", command: command.id, code, result });
  }

  #welcomed(welcome: Extract<LinkEffect, { kind: "welcomed" }>["welcome"]): void {
    this.#opened += 1;
    this.#deps.log.info({ session: welcome.session }, "linked to the control plane");
    const { reports } = this.#deps;
    const bootId = reports.bootId();
    reports.linked(welcome.statistics, welcome.statisticsMs);
    this.#events.flush();
    // A counting that starts over introduces itself with a new `hello`.
    if (reports.bootId() === bootId) return;
    this.#carrier.close(closeCodes.restart, "reports start over");
    this.#loop.dispatch({ kind: "lost", code: closeCodes.restart });
  }

  #hello(have: Version | null): NodeFrame {
    return {
      t: "hello",
      protocols: [...protocolVersions],
      ...this.#settings.introduction,
      bootId: this.#deps.reports.bootId(),
      have,
      clockMs: Math.max(0, Math.round(this.#deps.clock.nowMs())),
    };
  }

  #heartbeat(): NodeFrame {
    const state = this.#loop.state();
    const { running, durable } = state;
    return { t: "hb", running, failing: failingIn(state), durable, ...this.#deps.usage() };
  }
}

function failingIn(state: LinkState): number {
  return new Set(state.standing?.errors.flatMap((error) => error.id ?? [])).size;
}
