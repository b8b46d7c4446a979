import { reportFrameBurstMax, reportFramesPerSecondMax } from "#shared/base/limits.ts";

/** A token bucket over frames: reports leave room for what is urgent. */
export interface ReportPace {
  /** Whether that many frames may go now; a message of more than a full bucket goes when it is full. */
  take(frames: number, nowMs: number): boolean;
}

export function createReportPace(): ReportPace {
  let tokens = reportFrameBurstMax;
  let atMs = 0;
  return {
    take: (frames, nowMs) => {
      const gained = (Math.max(0, nowMs - atMs) / 1_000) * reportFramesPerSecondMax;
      tokens = Math.min(reportFrameBurstMax, tokens + gained);
      atMs = nowMs;
      if (tokens < Math.min(frames, reportFrameBurstMax)) return false;
      tokens -= frames;
      return true;
    },
  };
}
