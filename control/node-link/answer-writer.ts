import { z } from "zod";

import { answersPerWriteMax } from "#shared/base/limits.ts";
import { healthResultSchema } from "#shared/wire/health.ts";
import { planResultSchema } from "#shared/wire/plan.ts";

import type { FlipLog } from "../flip-log.ts";
import type { NodeAnswer } from "../node-rows.ts";
import { batched } from "./batched.ts";
import type { HeardAnswer } from "./link-desk.ts";
import type { NodeStore } from "./node-store.ts";

export interface AnswerWriterDeps {
  readonly store: Pick<NodeStore, "answerQuestions">;
  readonly trouble: FlipLog;
}

/**
 * Stores what nodes answer, many in one statement. What cannot be stored is lost: who asked waits
 * for seconds only, and then names the node.
 */
export function createAnswerWriter({
  store,
  trouble,
}: AnswerWriterDeps): (answer: HeardAnswer) => void {
  const write = batched<NodeAnswer, null>(
    async (answers) => {
      await store.answerQuestions(answers);
      return answers.map(() => null);
    },
    { sizeMax: answersPerWriteMax },
  );
  return (heard) => {
    write(storedAnswer(heard)).then(
      () => trouble.worked("answers"),
      (error: unknown) => trouble.failed("answers", error),
    );
  };
}

/** What an answer to any question looks like; whoever asked knows which one it was. */
const resultSchema = z.union([planResultSchema, healthResultSchema]);

/** A node may say anything: only what looks like an answer is stored. */
function storedAnswer({ node, question, code, result }: HeardAnswer): NodeAnswer {
  if (code !== "done") return { node, question, code, result: null };
  const answer = resultSchema.safeParse(result);
  if (!answer.success) return { node, question, code: "bad-answer", result: null };
  return { node, question, code, result: answer.data };
}
