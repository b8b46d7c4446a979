import { z } from "zod";

import { watchEventBytesMax } from "#shared/base/limits.ts";

import { failedFetch, type FailedFetch } from "../discovery.ts";

/** What a stream of events has said. */
export interface WatchNews {
  /** Something is not as it was. */
  readonly isChanged: boolean;
  /** Why the stream is of no use any more. */
  readonly end: FailedFetch | undefined;
}

const eventSchema = z.object({
  type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]),
  object: z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) }),
});

const errorSchema = z.object({
  type: z.literal("ERROR"),
  object: z.object({ code: z.number().nullish() }),
});

const lineEnd = 0x0a;

/**
 * Reads a watch of the Kubernetes API, an event a line ("API Concepts", "Efficient detection of
 * changes"). Only the version that was reached is kept: what there is now, a list says.
 */
export class WatchEvents {
  #version: string;
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** @param version of the list that the watch begins after */
  constructor(version: string) {
    this.#version = version;
  }

  /** Where another watch may go on; bookmarks move it as well. */
  get version(): string {
    return this.#version;
  }

  read(chunk: Buffer): WatchNews {
    let isChanged = false;
    let from = 0;
    for (let at = chunk.indexOf(lineEnd); at >= 0; at = chunk.indexOf(lineEnd, from)) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(from, at)]);
      this.#rest = [];
      this.#restBytes = 0;
      from = at + 1;
      const event = this.#readLine(line.toString("utf8"));
      if (typeof event !== "string") return { isChanged, end: event };
      isChanged ||= event === "changed";
    }
    return { isChanged, end: this.#keep(chunk.subarray(from)) };
  }

  #keep(part: Buffer): FailedFetch | undefined {
    if (part.length === 0) return undefined;
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes <= watchEventBytesMax) return undefined;
    return failedFetch("too-big", `an event has more than ${watchEventBytesMax} bytes`);
  }

  #readLine(line: string): "changed" | "bookmark" | FailedFetch {
    const value = parsed(line);
    const event = eventSchema.safeParse(value);
    if (event.success) {
      this.#version = event.data.object.metadata.resourceVersion;
      return event.data.type === "BOOKMARK" ? "bookmark" : "changed";
    }
    const error = errorSchema.safeParse(value);
    if (!error.success) return failedFetch("bad-answer", "the watch told what is no event");
    const { code } = error.data.object;
    return code === 410 ? goneVersion : failedFetch("bad-status", `the watch ended with ${code}`);
  }
}

/** The server remembers too little to go on from a version: HTTP status or event 410. */
const goneVersion = failedFetch("gone", "the changes since the last version are not kept any more");

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The parser's message quotes the line.
    return undefined;
  }
}
