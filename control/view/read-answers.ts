import type { QuestionId, TenantId } from "#shared/base/ids.ts";

import { answersOfTenant } from "../storage/queries/questions.ts";
import type { StoredAnswer } from "./asked-nodes.ts";
import type { ViewDeps } from "./view-deps.ts";

/** What the nodes have answered by now; a node that has not is there without a code. */
export function readAnswers(
  deps: Pick<ViewDeps, "database">,
  tenantId: TenantId,
  question: QuestionId,
): Promise<readonly StoredAnswer[]> {
  return deps.database.asTenant(tenantId, (tx) => answersOfTenant(tx, tenantId, question));
}
