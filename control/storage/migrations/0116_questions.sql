CREATE TABLE "question_answers" (
	"tenant_id" text NOT NULL,
	"question_id" text NOT NULL,
	"node_id" text NOT NULL,
	"code" text,
	"result" jsonb,
	CONSTRAINT "question_answers_tenant_id_question_id_node_id_pk" PRIMARY KEY("tenant_id","question_id","node_id")
);
--> statement-breakpoint
CREATE TABLE "questions" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"args" jsonb NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "questions_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE INDEX "question_answers_question" ON "question_answers" USING btree ("question_id","node_id");
--> statement-breakpoint
CREATE INDEX "questions_id" ON "questions" USING btree ("id");
--> statement-breakpoint
CREATE INDEX "questions_expires" ON "questions" USING btree ("expires_at");
--> statement-breakpoint

-- As every table with tenant_id: its rows are shown to their tenant only.
ALTER TABLE questions ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY of_tenant ON questions TO midstream_tenant
  USING (tenant_id = current_setting('midstream.tenant', true))
  WITH CHECK (tenant_id = current_setting('midstream.tenant', true));
--> statement-breakpoint
ALTER TABLE question_answers ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY of_tenant ON question_answers TO midstream_tenant
  USING (tenant_id = current_setting('midstream.tenant', true))
  WITH CHECK (tenant_id = current_setting('midstream.tenant', true));
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON questions, question_answers TO midstream_tenant;
--> statement-breakpoint

-- Whom questions are put to that somebody still waits for, of whatever tenants; the oldest first.
CREATE FUNCTION system.open_questions(p_rows_max integer)
  RETURNS TABLE (question_id text, node_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
  SELECT a.question_id, a.node_id
    FROM questions q
    JOIN question_answers a ON a.tenant_id = q.tenant_id AND a.question_id = q.id
    WHERE q.expires_at > now() AND a.code IS NULL
    ORDER BY q.expires_at, q.id, a.node_id
    LIMIT p_rows_max
$$;
--> statement-breakpoint

-- What these questions ask, and for how long an answer is waited for.
CREATE FUNCTION system.asked_questions(p_ids text[])
  RETURNS TABLE (id text, name text, args jsonb, left_ms double precision)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
  SELECT q.id, q.name, q.args, extract(epoch FROM q.expires_at - clock_timestamp()) * 1000
    FROM questions q
    WHERE q.id = ANY (p_ids)
$$;
--> statement-breakpoint

-- p_answers: [{question, node, code, result}]. The first answer of a node counts; a question that is
-- gone takes none.
CREATE FUNCTION system.answer_questions(p_answers jsonb)
  RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
  UPDATE question_answers t SET code = a.code, result = a.result
    FROM jsonb_to_recordset(p_answers) AS a(question text, node text, code text, result jsonb)
    WHERE t.question_id = a.question AND t.node_id = a.node AND t.code IS NULL
$$;
--> statement-breakpoint

-- What is over: answers kept for repeated requests, sessions nobody can use for a week, and questions
-- whose asker did not come to delete them.
CREATE OR REPLACE FUNCTION system.purge_expired(p_rows_max integer)
  RETURNS TABLE (answers bigint, sessions bigint)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
  WITH old_answers AS (
    DELETE FROM idempotency WHERE (tenant_id, key) IN (
      SELECT i.tenant_id, i.key FROM idempotency i WHERE i.expires_at < now()
        LIMIT p_rows_max FOR UPDATE SKIP LOCKED)
      RETURNING 1
  ), old_sessions AS (
    DELETE FROM api_keys WHERE (tenant_id, id) IN (
      SELECT k.tenant_id, k.id FROM api_keys k
        WHERE k.kind = 'session' AND k.expires_at < now() - interval '7 days'
        LIMIT p_rows_max FOR UPDATE SKIP LOCKED)
      RETURNING 1
  ), old_questions AS (
    DELETE FROM questions WHERE (tenant_id, id) IN (
      SELECT q.tenant_id, q.id FROM questions q WHERE q.expires_at < now() - interval '1 minute'
        LIMIT p_rows_max FOR UPDATE SKIP LOCKED)
      RETURNING tenant_id, id
  ), their_answers AS (
    DELETE FROM question_answers a USING old_questions q
      WHERE a.tenant_id = q.tenant_id AND a.question_id = q.id
  )
  SELECT (SELECT count(*) FROM old_answers), (SELECT count(*) FROM old_sessions)
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  system.open_questions(integer),
  system.asked_questions(text[]),
  system.answer_questions(jsonb)
  TO midstream_system;
