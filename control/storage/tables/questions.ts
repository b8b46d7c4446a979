import { index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

import type { NodeId, QuestionId } from "#shared/base/ids.ts";

import type { QuestionName } from "../../node-rows.ts";
import { at, tenantId } from "./columns.ts";

/**
 * What nodes are asked. Whoever asks may be on another instance than the nodes' links, so questions
 * and answers meet here, for seconds: who asked deletes them, or else the purge does.
 */
export const questions = pgTable(
  "questions",
  {
    tenantId: tenantId(),
    id: text("id").$type<QuestionId>().notNull(),
    /** Which command, as in the frame. */
    name: text("name").$type<QuestionName>().notNull(),
    args: jsonb("args").notNull(),
    /** Nobody waits for an answer after it. */
    expiresAt: at("expires_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index("questions_id").on(table.id),
    index("questions_expires").on(table.expiresAt),
  ],
);

/** Whom a question was put to, and what they answered. */
export const questionAnswers = pgTable(
  "question_answers",
  {
    tenantId: tenantId(),
    questionId: text("question_id").$type<QuestionId>().notNull(),
    nodeId: text("node_id").$type<NodeId>().notNull(),
    /** `done`, `unsupported`, `busy` …; null while there is no answer. */
    code: text("code"),
    result: jsonb("result"),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.questionId, table.nodeId] }),
    index("question_answers_question").on(table.questionId, table.nodeId),
  ],
);
