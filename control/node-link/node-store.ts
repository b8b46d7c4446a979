import type { QuestionId } from "#shared/base/ids.ts";

import type {
  AskedQuestion,
  ClaimedLink,
  EndedLink,
  KnownNode,
  LinkClaim,
  NodeAnswer,
  OpenQuestion,
} from "../node-rows.ts";

/** Where nodes and their generations are kept. Each rejects as storage does. */
export interface NodeStore {
  readonly nodesById: (ids: readonly string[]) => Promise<readonly KnownNode[]>;
  readonly claimLinks: (
    claims: readonly LinkClaim[],
    bootsMax: number,
  ) => Promise<readonly ClaimedLink[]>;
  /** Which of these links are over. */
  readonly endedLinks: (held: readonly LinkClaim[]) => Promise<readonly EndedLink[]>;
  /** Questions to nodes of all tenants that are not answered, the oldest first. */
  readonly openQuestions: (rowsMax: number) => Promise<readonly OpenQuestion[]>;
  /** What they ask. */
  readonly askedQuestions: (ids: readonly QuestionId[]) => Promise<readonly AskedQuestion[]>;
  readonly answerQuestions: (answers: readonly NodeAnswer[]) => Promise<void>;
}
