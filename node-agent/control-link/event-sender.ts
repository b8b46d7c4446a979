import type { Clock, Timer } from "#shared/base/clock.ts";
import { eventsFrameMs, eventsToldBurstMax, eventsToldPerSecondMax } from "#shared/base/limits.ts";
import { fullBucket, refilled, type Rate } from "#shared/base/token-bucket.ts";
import type { NodeEvent } from "#shared/wire/node-frames.ts";

import { createEventQueue } from "./event-queue.ts";

/** An event without its time, which is that of telling it. */
export type EventDraft = Omit<NodeEvent, "atMs">;

const rate: Rate = { burst: eventsToldBurstMax, perSecond: eventsToldPerSecondMax };

/** Tells events: at once when none were told lately; what comes meanwhile goes together. */
export interface EventSender {
  report(event: EventDraft): void;
  /** The link stands: what waited may go. */
  flush(): void;
  stop(): void;
}

/** @param send takes a frame's worth of events; false while there is no link */
export function createEventSender(
  clock: Clock,
  send: (events: readonly NodeEvent[]) => void,
  isOpen: () => boolean,
): EventSender {
  const queue = createEventQueue();
  let bucket = fullBucket(rate, clock.monotonicMs());
  let pause: Timer | undefined;
  const tell = (): void => {
    bucket = refilled(bucket, rate, clock.monotonicMs());
    const events = queue.take(Math.floor(bucket.tokens));
    bucket = { ...bucket, tokens: bucket.tokens - events.length };
    if (events.length > 0) send(events);
  };
  const flush = (): void => {
    if (pause !== undefined || queue.size === 0 || !isOpen()) return;
    tell();
    pause = clock.after(eventsFrameMs, () => {
      pause = undefined;
      flush();
    });
  };
  return {
    report: (event) => {
      queue.add({ ...event, atMs: Math.max(0, Math.round(clock.nowMs())) });
      flush();
    },
    flush,
    stop: () => pause?.stop(),
  };
}
