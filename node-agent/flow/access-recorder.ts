import type { Clock, Timer } from "#shared/base/clock.ts";
import { accessBatchMs, accessErrorsPerSecondMax, accessLinesMax } from "#shared/base/limits.ts";
import { fullBucket, refilled, type Bucket } from "#shared/base/token-bucket.ts";

import type { AccessLines } from "../runtime/access-log.ts";
import {
  accessLine,
  isFailure,
  type AccessEnd,
  type AccessTerms,
  type AccessTrace,
} from "./access-trace.ts";

export interface AccessRecorderDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes lines, and answers with a call of `taken`. */
  readonly send: (lines: AccessLines) => void;
}

const errorRate = { burst: accessErrorsPerSecondMax, perSecond: accessErrorsPerSecondMax };

/**
 * The access log of one worker: lines are gathered and handed over every `accessBatchMs`, the next
 * ones only once those before were taken. What does not fit meanwhile is left out and counted, so
 * that a log that hangs costs a bounded amount of memory and no time.
 */
export class AccessRecorder {
  readonly #deps: AccessRecorderDeps;
  #lines: string[] = [];
  #dropped = 0;
  #errors: Bucket;
  #timer: Timer | undefined;
  #isUnderWay = false;

  constructor(deps: AccessRecorderDeps) {
    this.#deps = deps;
    this.#errors = fullBucket(errorRate, deps.clock.monotonicMs());
  }

  /** A connection of a balancer that has an access log was accepted. */
  begin(terms: AccessTerms, from: Pick<AccessTrace, "peer" | "proxy" | "listener">): AccessTrace {
    const { clock, random } = this.#deps;
    return {
      terms,
      ...from,
      isSampled: random() < terms.sample,
      acceptedAtMs: clock.nowMs(),
      acceptedMs: clock.monotonicMs(),
      connectedMs: undefined,
      failure: undefined,
      tls: undefined,
    };
  }

  /** It reached a backend. */
  connected(trace: AccessTrace): void {
    trace.connectedMs = this.#deps.clock.monotonicMs();
  }

  /** It has ended. */
  end(trace: AccessTrace, end: AccessEnd): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const isWanted = trace.isSampled || isFailure(trace, end);
    if (!isWanted) return;
    const hasRoom = this.#lines.length < accessLinesMax;
    if (hasRoom && (trace.isSampled || this.#mayTellError(nowMs))) {
      this.#lines.push(accessLine(trace, end, nowMs));
    } else {
      this.#dropped += 1;
    }
    this.#sendSoon();
  }

  /** What was sent last is written: there may be more. */
  taken(): void {
    this.#isUnderWay = false;
    if (this.#lines.length > 0 || this.#dropped > 0) this.#sendSoon();
  }

  /** Hands over what is there; nobody need answer any more. */
  stop(): void {
    this.#timer?.stop();
    if (this.#lines.length > 0 || this.#dropped > 0) this.#send();
  }

  #sendSoon(): void {
    if (this.#isUnderWay) return;
    this.#timer ??= this.#deps.clock.after(accessBatchMs, () => this.#send());
  }

  #send(): void {
    this.#timer = undefined;
    this.#isUnderWay = true;
    const [lines, dropped] = [this.#lines, this.#dropped];
    this.#lines = [];
    this.#dropped = 0;
    this.#deps.send({ text: lines.join(""), count: lines.length, dropped });
  }

  #mayTellError(nowMs: number): boolean {
    const bucket = refilled(this.#errors, errorRate, nowMs);
    const may = bucket.tokens >= 1;
    this.#errors = may ? { ...bucket, tokens: bucket.tokens - 1 } : bucket;
    return may;
  }
}
