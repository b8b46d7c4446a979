import { reportFrameBurstMax, reportFramesPerSecondMax } from "#shared/base/limits.ts";
import { fullBucket, refilled, type Rate } from "#shared/base/token-bucket.ts";

const rate: Rate = { burst: reportFrameBurstMax, perSecond: reportFramesPerSecondMax };

/** Limits the frames that reports take: they leave room for what is urgent. */
export interface ReportPace {
  /** Whether that many frames may go now; a message of more than a full bucket goes when it is full. */
  take(frames: number, nowMs: number): boolean;
}

export function createReportPace(): ReportPace {
  let bucket = fullBucket(rate, 0);
  return {
    take: (frames, nowMs) => {
      bucket = refilled(bucket, rate, nowMs);
      if (bucket.tokens < Math.min(frames, rate.burst)) return false;
      bucket = { ...bucket, tokens: bucket.tokens - frames };
      return true;
    },
  };
}
