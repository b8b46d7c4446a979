import { systemClock } from "#shared/base/clock.ts";
import {
  dismissMsMax,
  handoverHoldMsMax,
  successorMsMax,
  takeoverMsMax,
} from "#shared/base/limits.ts";

import { askForRestart, type RestartOutcome } from "../handover/restart-socket.ts";
import { exitCodes } from "../runtime/exit-codes.ts";
import { complain } from "./complain.ts";

/** All that an agent may take for it, and a little for the answer. */
const answerMsMax = handoverHoldMsMax + successorMsMax + dismissMsMax + takeoverMsMax + 5_000;

/** `restart` as a process: asks the agent that runs on this folder, and says what came of it. */
export async function restartProcess(dataFolder: string): Promise<number> {
  const outcome = await askForRestart(systemClock(), dataFolder, answerMsMax);
  if (outcome.kind === "handed-over") {
    console.log(`process ${outcome.pid} serves, after ${Math.round(outcome.tookMs)} ms`);
    return exitCodes.ended;
  }
  if (outcome.kind === "unanswered") complain([`${dataFolder}: ${outcome.why}`]);
  else complain([`${saidOf[outcome.kind]}: ${outcome.why}`]);
  return exitCodes.failed;
}

const saidOf: Readonly<Record<Exclude<RestartOutcome["kind"], "handed-over">, string>> = {
  refused: "not restarted",
  failed: "the restart failed, nothing changed",
  broken: "the restart broke, and the agent ends for its supervisor to start",
};
