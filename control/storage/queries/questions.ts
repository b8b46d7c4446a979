import { and, eq, sql } from "drizzle-orm";

import type { NodeId, QuestionId, TenantId } from "#shared/base/ids.ts";

import type { AskedQuestion, NodeAnswer, OpenQuestion, QuestionName } from "../../node-rows.ts";
import type { Transaction } from "../database.ts";
import { groups } from "../tables/groups.ts";
import { nodes, nodeStatus } from "../tables/nodes.ts";
import { questionAnswers, questions } from "../tables/questions.ts";
import { storableJson } from "./node-json.ts";
import { rowsOf } from "./rows.ts";
import { textArray } from "./text-array.ts";

/** A node that something can be asked, or could if it were there. */
export interface AskableNode {
  readonly id: NodeId;
  readonly hostname: string;
  readonly connected: boolean;
  /** Its agent has the capability that the question needs. */
  readonly able: boolean;
  /** All nodes of the group that were not retired. */
  readonly ofGroup: number;
}

export interface AskableNodes {
  readonly group: string;
  readonly limit: number;
  /** What an agent has to name to be asked; nothing unless given. */
  readonly capability?: string;
}

/** Nodes of a group that were not retired: those that are connected first, then the oldest. */
export function askableNodesOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  which: AskableNodes,
): Promise<readonly AskableNode[]> {
  return rowsOf<AskableNode>(
    tx,
    sql`
      SELECT n.id, n.hostname, coalesce(s.connected, false) AS connected,
          (${which.capability ?? null}::text IS NULL
            OR ${which.capability ?? null}::text = ANY (n.capabilities)) AS able,
          count(*) OVER ()::integer AS "ofGroup"
        FROM ${nodes} n
        JOIN ${groups} g ON g.tenant_id = n.tenant_id AND g.id = n.group_id
        LEFT JOIN ${nodeStatus} s ON s.tenant_id = n.tenant_id AND s.node_id = n.id
        WHERE n.tenant_id = ${tenantId} AND g.name = ${which.group} AND n.revoked_at IS NULL
        ORDER BY coalesce(s.connected, false) DESC, n.id
        LIMIT ${which.limit}::integer`,
  );
}

export interface NewQuestion {
  readonly id: QuestionId;
  readonly name: QuestionName;
  readonly args: unknown;
  readonly nodes: readonly NodeId[];
  /** How long an answer is waited for. */
  readonly forMs: number;
}

/** Puts a question to nodes; the instances that hold their links find it. */
export async function insertQuestion(
  tx: Transaction,
  tenantId: TenantId,
  { id, name, args, nodes: asked, forMs }: NewQuestion,
): Promise<void> {
  await tx.execute(sql`
    INSERT INTO ${questions} (tenant_id, id, name, args, expires_at)
      VALUES (${tenantId}, ${id}, ${name}, ${JSON.stringify(args)}::jsonb,
        now() + ${forMs}::double precision * interval '1 millisecond')`);
  await tx.execute(sql`
    INSERT INTO ${questionAnswers} (tenant_id, question_id, node_id)
      SELECT ${tenantId}, ${id}, unnest(${textArray(asked)})`);
}

export type QuestionAnswerRow = typeof questionAnswers.$inferSelect;

/** What the nodes have answered by now, and who has not. */
export function answersOfTenant(
  tx: Transaction,
  tenantId: TenantId,
  id: QuestionId,
): Promise<readonly QuestionAnswerRow[]> {
  const ofQuestion = eq(questionAnswers.questionId, id);
  return tx
    .select()
    .from(questionAnswers)
    .where(and(eq(questionAnswers.tenantId, tenantId), ofQuestion));
}

/** Nobody waits for the answers any more. */
export async function deleteQuestion(
  tx: Transaction,
  tenantId: TenantId,
  id: QuestionId,
): Promise<void> {
  const { questionId } = questionAnswers;
  await tx.delete(questions).where(and(eq(questions.tenantId, tenantId), eq(questions.id, id)));
  await tx
    .delete(questionAnswers)
    .where(and(eq(questionAnswers.tenantId, tenantId), eq(questionId, id)));
}

/** Whom questions are put to that are not answered, of whatever tenants, the oldest first (system). */
export function openQuestions(tx: Transaction, rowsMax: number): Promise<readonly OpenQuestion[]> {
  return rowsOf<OpenQuestion>(
    tx,
    sql`
      SELECT question_id AS question, node_id AS node
      FROM system.open_questions(${rowsMax}::integer)`,
  );
}

/** What these questions ask; those that are gone are missing (system). */
export function askedQuestions(
  tx: Transaction,
  ids: readonly QuestionId[],
): Promise<readonly AskedQuestion[]> {
  return rowsOf<AskedQuestion>(
    tx,
    sql`
      SELECT id, name, args, left_ms AS "leftMs" FROM system.asked_questions(${textArray(ids)})`,
  );
}

/** Stores what nodes of whatever tenants answered (system). */
export async function answerQuestions(
  tx: Transaction,
  answers: readonly NodeAnswer[],
): Promise<void> {
  await tx.execute(sql`SELECT system.answer_questions(${storableJson(answers)}::jsonb)`);
}
