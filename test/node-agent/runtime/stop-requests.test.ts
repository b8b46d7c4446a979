import { EventEmitter } from "node:events";

import { describe, expect, test } from "vitest";

import { watchStopRequests, type StopRequest } from "../../../node-agent/runtime/stop-requests.ts";

describe("stop requests", () => {
  test("SIGTERM drains, a second signal ends at once", () => {
    const { source, requests } = watched(false);
    source.emit("SIGTERM");
    source.emit("SIGTERM");
    expect(requests).toEqual(["drain", "now"]);
  });

  test("at a terminal SIGINT is like SIGTERM", () => {
    const { source, requests } = watched(false);
    source.emit("SIGINT");
    source.emit("SIGTERM");
    expect(requests).toEqual(["drain", "now"]);
  });

  test("under a parent SIGINT means nothing, and the parent's death ends soon", () => {
    const { source, requests } = watched(true);
    source.emit("SIGINT");
    source.emit("disconnect");
    expect(requests).toEqual(["orphaned"]);
  });
});

function watched(connected: boolean): {
  readonly source: EventEmitter;
  readonly requests: StopRequest[];
} {
  const source = Object.assign(new EventEmitter(), { connected });
  const requests: StopRequest[] = [];
  watchStopRequests(source, (request) => requests.push(request));
  return { source, requests };
}
