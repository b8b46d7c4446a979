import { fstatSync, writeSync } from "node:fs";
import { Socket } from "node:net";

import { sleep, type Clock } from "#shared/base/clock.ts";
import { logFlushMsMax, logUnsentBytesMax } from "#shared/base/limits.ts";

const flushEveryMs = 10;

/** Where log lines leave the process. */
export interface LogOutput {
  /** False when nobody takes lines at the moment: this one is left out. */
  write(line: string): boolean;
  /** Resolves when everything has left, or after `logFlushMsMax`. */
  flush(): Promise<void>;
}

/**
 * Writes lines to a descriptor without ever waiting for its reader: a log collector that hangs must
 * not stop the agent. Lines beyond `logUnsentBytesMax` are left out, and the next one that gets
 * through says how many. A file or a terminal takes lines at once.
 */
export function openLogOutput(clock: Clock, fd: number): LogOutput {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket() ? streamOutput(clock, fd) : directOutput(fd);
}

function streamOutput(clock: Clock, fd: number): LogOutput {
  const stream = new Socket({ fd, readable: false, writable: true });
  // Whoever read the lines is gone; there is nobody left to tell, and traffic goes on.
  stream.on("error", () => undefined);
  let leftOut = 0;
  return {
    write: (line) => {
      if (stream.writableLength > logUnsentBytesMax) {
        leftOut += 1;
        return false;
      }
      if (leftOut > 0) stream.write(`${JSON.stringify({ level: 40, linesLeftOut: leftOut })}\n`);
      leftOut = 0;
      stream.write(line);
      return true;
    },
    flush: async () => {
      const deadlineMs = clock.monotonicMs() + logFlushMsMax;
      while (stream.writableLength > 0 && clock.monotonicMs() < deadlineMs) {
        // oxlint-disable-next-line no-await-in-loop -- looks again after a pause
        await sleep(clock, flushEveryMs);
      }
    },
  };
}

function directOutput(fd: number): LogOutput {
  return {
    write: (line) => {
      try {
        writeSync(fd, line);
        return true;
      } catch {
        // A full disk takes no lines; the agent has no other place to say so.
        return false;
      }
    },
    flush: () => Promise.resolve(),
  };
}
