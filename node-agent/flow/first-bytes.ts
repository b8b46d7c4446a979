import type { OpenConnection } from "./open-connection.ts";
import type { Stages } from "./stages.ts";

/** Begins a stage that waits for something the client says first, for so long in all. */
export function awaitFirstBytes(
  stages: Stages,
  connection: OpenConnection,
  how: { readonly stage: "announcing" | "sniffing"; readonly timeoutMs: number },
): void {
  connection.stage = how.stage;
  connection.deadlineMs = stages.nowMs() + how.timeoutMs;
  stages.engine.peek(connection.id, { moreThan: 0, timeoutMs: how.timeoutMs });
}

/** Waits on, until so many bytes are there or the stage's time is up. */
export function awaitMoreBytes(
  stages: Stages,
  { id, deadlineMs }: OpenConnection,
  bytesMin: number,
): void {
  // At least a moment: 0 would be for ever.
  const timeoutMs = Math.max(1, deadlineMs - stages.nowMs());
  stages.engine.peek(id, { moreThan: bytesMin - 1, timeoutMs });
}
