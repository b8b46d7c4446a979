import type { QuestionId } from "#shared/base/ids.ts";

import { deleteQuestion } from "../../storage/queries/questions.ts";
import type { Actor, VerbDeps } from "../actor.ts";

/** Nobody waits for the answers to a question any more. */
export function endQuestion(
  deps: Pick<VerbDeps, "database">,
  { tenantId }: Pick<Actor, "tenantId">,
  question: QuestionId,
): Promise<void> {
  return deps.database.asTenant(tenantId, (tx) => deleteQuestion(tx, tenantId, question));
}
