/** How urgently the agent is asked to end. */
export type StopRequest =
  /** Let connections finish first. */
  | "drain"
  /** End within a few seconds: the process that started the agent is gone. */
  | "orphaned"
  /** End at once: asked a second time. */
  | "now";

/** The part of `process` that stop requests come from. */
export interface StopSource {
  readonly connected?: boolean;
  on(event: string, listener: () => void): unknown;
}

/**
 * Tells `onRequest` how to end: SIGTERM drains, and so does SIGINT at a terminal; a second signal
 * ends at once. A closed IPC channel means the parent died. While a parent holds the channel,
 * SIGINT is its business: Ctrl-C reaches both, and the parent's SIGTERM follows.
 */
export function watchStopRequests(
  source: StopSource,
  onRequest: (request: StopRequest) => void,
): void {
  const hasParent = source.connected === true;
  let asked = false;
  const signal = (): void => {
    onRequest(asked ? "now" : "drain");
    asked = true;
  };
  source.on("SIGTERM", signal);
  source.on("SIGINT", () => {
    if (!hasParent) signal();
  });
  if (hasParent) source.on("disconnect", () => onRequest("orphaned"));
}
