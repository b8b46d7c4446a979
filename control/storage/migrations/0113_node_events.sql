-- An event is stored once, however often it is written: its key is given by who writes it. Events from
-- before have none.
ALTER TABLE "node_events" ADD COLUMN "key" text;
--> statement-breakpoint
CREATE UNIQUE INDEX "node_events_key" ON "node_events" USING btree ("tenant_id","node_id","key");
--> statement-breakpoint
-- The newest of a tenant, and of one of its balancers.
CREATE INDEX "node_events_seq" ON "node_events" USING btree ("tenant_id","seq");
--> statement-breakpoint
CREATE INDEX "node_events_balancer" ON "node_events" USING btree ("tenant_id","balancer_id","seq");
--> statement-breakpoint

-- What nodes said, many at once. A row of a link that was replaced meanwhile changes no status.
-- p_status: [{node, generation, instance, session, atMs, change}]; change holds what changed.
-- p_hellos: [{node, generation, agent, os, hostname, labels, capabilities}].
-- p_receipts: [{node, rev, sentMs, storedMs, appliedMs, servingMs, errors}].
-- p_events: [{key, node, atMs, kind, balancer, backend, detail}]; a key that is there already is not
-- stored again.
CREATE OR REPLACE FUNCTION system.write_nodes(
    p_status jsonb, p_hellos jsonb, p_receipts jsonb, p_events jsonb)
  RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  UPDATE node_status t SET
      instance = s.instance,
      session = s.session,
      last_seen_at = greatest(t.last_seen_at, to_timestamp(s."atMs" / 1000.0)),
      connected = coalesce((s.change ->> 'connected')::boolean, t.connected),
      desired = CASE WHEN s.change ? 'desired'
        THEN nullif(s.change -> 'desired', 'null') ELSE t.desired END,
      running = CASE WHEN s.change ? 'running'
        THEN nullif(s.change -> 'running', 'null') ELSE t.running END,
      phase = CASE WHEN s.change ? 'phase' THEN s.change ->> 'phase' ELSE t.phase END,
      failing = least(coalesce((s.change ->> 'failing')::bigint, t.failing), 2147483647)::integer,
      errors = coalesce(s.change -> 'errors', t.errors),
      durable = coalesce((s.change ->> 'durable')::boolean, t.durable),
      connections =
        least(coalesce((s.change ->> 'connections')::bigint, t.connections), 2147483647)::integer
    FROM jsonb_to_recordset(p_status)
      AS s(node text, generation bigint, instance text, session text, "atMs" bigint, change jsonb)
    JOIN nodes n ON n.id = s.node AND n.generation = s.generation
    WHERE t.tenant_id = n.tenant_id AND t.node_id = n.id;

  UPDATE nodes n SET
      agent = h.agent, os = h.os, hostname = h.hostname, labels = h.labels,
      capabilities = array(SELECT jsonb_array_elements_text(h.capabilities))
    FROM jsonb_to_recordset(p_hellos) AS h(
      node text, generation bigint, agent text, os text, hostname text, labels jsonb,
      capabilities jsonb)
    WHERE n.id = h.node AND n.generation = h.generation
      AND (n.agent, n.os, n.hostname, n.labels, to_jsonb(n.capabilities))
        IS DISTINCT FROM (h.agent, h.os, h.hostname, h.labels, h.capabilities);

  INSERT INTO node_revisions AS t (
      tenant_id, node_id, rev, sent_at, stored_at, applied_at, serving_at, errors)
    SELECT n.tenant_id, n.id, r.rev, to_timestamp(r."sentMs" / 1000.0),
        to_timestamp(r."storedMs" / 1000.0), to_timestamp(r."appliedMs" / 1000.0),
        to_timestamp(r."servingMs" / 1000.0), r.errors
      FROM jsonb_to_recordset(p_receipts) AS r(
        node text, rev bigint, "sentMs" bigint, "storedMs" bigint, "appliedMs" bigint,
        "servingMs" bigint, errors jsonb)
      JOIN nodes n ON n.id = r.node
      ORDER BY n.id, r.rev
    ON CONFLICT (tenant_id, node_id, rev) DO UPDATE SET
      sent_at = coalesce(t.sent_at, EXCLUDED.sent_at),
      stored_at = coalesce(t.stored_at, EXCLUDED.stored_at),
      applied_at = coalesce(t.applied_at, EXCLUDED.applied_at),
      serving_at = coalesce(t.serving_at, EXCLUDED.serving_at),
      -- A step on the way says nothing about errors; serving, and a refusal, do.
      errors = CASE WHEN EXCLUDED.serving_at IS NOT NULL OR EXCLUDED.errors <> '[]'
        THEN EXCLUDED.errors ELSE t.errors END;

  INSERT INTO node_events (tenant_id, node_id, key, at, kind, balancer_id, backend, detail)
    SELECT n.tenant_id, n.id, e.key, to_timestamp(e."atMs" / 1000.0), e.kind, e.balancer,
        e.backend, e.detail
      FROM ROWS FROM (jsonb_to_recordset(p_events) AS (
        key text, node text, "atMs" bigint, kind text, balancer text, backend text, detail text))
        WITH ORDINALITY AS e(key, node, "atMs", kind, balancer, backend, detail, place)
      JOIN nodes n ON n.id = e.node
      ORDER BY e.place
    ON CONFLICT (tenant_id, node_id, key) DO NOTHING;
END
$$;
