-- A node names itself by its id alone.
CREATE UNIQUE INDEX IF NOT EXISTS nodes_id ON nodes (id);
--> statement-breakpoint

-- The lineage that every version carries, read in the statement that reads a group.
CREATE FUNCTION public.control_epoch()
  RETURNS integer
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT epoch FROM control_state
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.control_epoch() TO midstream_tenant;
--> statement-breakpoint

-- The sweep: how far these groups have come. p_groups is [[tenant, group], …].
CREATE FUNCTION system.group_revisions(p_groups jsonb)
  RETURNS TABLE (tenant_id text, group_id text, epoch integer, rev bigint)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT g.tenant_id, g.id, s.epoch, g.rev
    FROM jsonb_array_elements(p_groups) AS wanted(place)
    JOIN groups g ON g.tenant_id = wanted.place ->> 0 AND g.id = wanted.place ->> 1
    CROSS JOIN control_state s
$$;
--> statement-breakpoint

-- Whose keys these are: what a signed header is checked against.
CREATE FUNCTION system.nodes_by_id(p_ids text[])
  RETURNS TABLE (
    tenant_id text, group_id text, node_id text, signing_key text, receiving_key text,
    generation bigint, revoked boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT n.tenant_id, n.group_id, n.id, n.signing_key, n.receiving_key, n.generation,
      n.revoked_at IS NOT NULL
    FROM nodes n WHERE n.id = ANY (p_ids)
$$;
--> statement-breakpoint

-- Takes links over: p_claims is [{node, generation}, …]. A claim that is not in the answer, or is
-- there with another generation, lost against a newer one. Marks: the last report of each boot.
CREATE FUNCTION system.claim_links(p_claims jsonb, p_boots_max integer)
  RETURNS TABLE (node_id text, generation bigint, marks jsonb)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH claims AS (
    SELECT DISTINCT ON (c.node) c.node, c.generation
      FROM jsonb_to_recordset(p_claims) AS c(node text, generation bigint)
      ORDER BY c.node, c.generation DESC
  ), locked AS (
    -- In one order, so that two instances never wait for each other.
    SELECT n.id FROM nodes n JOIN claims c ON c.node = n.id ORDER BY n.id FOR UPDATE OF n
  ), claimed AS (
    UPDATE nodes n SET generation = c.generation
      FROM claims c JOIN locked l ON l.id = c.node
      WHERE n.id = c.node AND n.generation < c.generation AND n.revoked_at IS NULL
      RETURNING n.tenant_id, n.id, n.generation
  )
  SELECT c.id, c.generation, coalesce((
      SELECT jsonb_object_agg(b.boot_id, b.seq) FROM (
        SELECT s.boot_id, s.seq FROM stat_seen s
          WHERE s.tenant_id = c.tenant_id AND s.node_id = c.id
          ORDER BY s.at DESC LIMIT p_boots_max) b), '{}')
    FROM claimed c
$$;
--> statement-breakpoint

-- Links that must end: p_links is [[node, generation], …]; only those that are over come back.
CREATE FUNCTION system.ended_links(p_links jsonb)
  RETURNS TABLE (node_id text, why text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT held.link ->> 0,
      CASE WHEN n.id IS NULL OR n.revoked_at IS NOT NULL THEN 'revoked' ELSE 'replaced' END
    FROM jsonb_array_elements(p_links) AS held(link)
    LEFT JOIN nodes n ON n.id = held.link ->> 0
    WHERE n.id IS NULL OR n.revoked_at IS NOT NULL OR n.generation > (held.link ->> 1)::bigint
$$;
--> statement-breakpoint

-- One use of a token, and the node that came with it, in one transaction. The token is used up by
-- one conditional update: of many that redeem it at the same time, only as many succeed as it has
-- uses left. Outcome: joined, unknown, expired, revoked, used, full.
CREATE FUNCTION system.redeem_join_token(
    p_token_hash text, p_node_id text, p_signing_key text, p_receiving_key text,
    p_hostname text, p_agent text, p_labels jsonb, p_nodes_max integer,
    p_request_id text, p_address text)
  RETURNS TABLE (outcome text, tenant_id text, group_id text, epoch integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  token join_tokens%ROWTYPE;
  node_count bigint;
BEGIN
  UPDATE join_tokens t SET uses_left = t.uses_left - 1
    WHERE t.hash = p_token_hash AND t.uses_left > 0 AND t.revoked_at IS NULL
      AND t.expires_at > now()
    RETURNING t.* INTO token;
  IF NOT FOUND THEN
    RETURN QUERY SELECT coalesce((
        SELECT CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked'
            WHEN t.uses_left <= 0 THEN 'used' ELSE 'expired' END
          FROM join_tokens t WHERE t.hash = p_token_hash), 'unknown'),
      NULL::text, NULL::text, NULL::integer;
    RETURN;
  END IF;
  SELECT count(*) INTO node_count FROM nodes n
    WHERE n.tenant_id = token.tenant_id AND n.revoked_at IS NULL;
  IF node_count >= p_nodes_max THEN
    UPDATE join_tokens t SET uses_left = t.uses_left + 1
      WHERE t.tenant_id = token.tenant_id AND t.id = token.id;
    RETURN QUERY SELECT 'full'::text, NULL::text, NULL::text, NULL::integer;
    RETURN;
  END IF;
  INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent, labels)
    VALUES (token.tenant_id, p_node_id, token.group_id, p_hostname, p_signing_key,
      p_receiving_key, p_agent, p_labels);
  INSERT INTO node_status (tenant_id, node_id) VALUES (token.tenant_id, p_node_id);
  INSERT INTO audit (tenant_id, actor, action, target, request_id, address)
    VALUES (token.tenant_id, token.id, 'node.join', p_node_id, p_request_id, p_address);
  RETURN QUERY SELECT 'joined'::text, token.tenant_id, token.group_id, public.control_epoch();
END
$$;
--> statement-breakpoint

-- What nodes said, many at once. A row of a link that was replaced meanwhile changes no status.
-- p_status: [{node, generation, instance, session, atMs, change}]; change holds what changed.
-- p_hellos: [{node, generation, agent, os, hostname, labels, capabilities}].
-- p_receipts: [{node, rev, sentMs, storedMs, appliedMs, servingMs, errors}].
-- p_events: [{node, atMs, kind, balancer, backend, detail}].
CREATE FUNCTION system.write_nodes(
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

  INSERT INTO node_events (tenant_id, node_id, at, kind, balancer_id, backend, detail)
    SELECT n.tenant_id, n.id, to_timestamp(e."atMs" / 1000.0), e.kind, e.balancer, e.backend,
        e.detail
      FROM jsonb_to_recordset(p_events) AS e(
        node text, "atMs" bigint, kind text, balancer text, backend text, detail text)
      JOIN nodes n ON n.id = e.node;
END
$$;
--> statement-breakpoint

-- Counts reports, many at once, each exactly once: one counts only when it follows the last one of
-- its boot. p_reports: [{n, node, boot, first, last, dropped, atMs}], at most one per node and boot,
-- first to last being the reports it stands for. p_rows: [{n, balancer, backend, atMs, connections,
-- refused, rejected, rxBytes, txBytes, activeConnections, live}]. Rows of balancers that are not the
-- node's tenant's are left out. Gives each one's last report that is counted now.
CREATE FUNCTION system.ingest_reports(p_reports jsonb, p_rows jsonb)
  RETURNS TABLE (n integer, seq bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  -- What a number in JavaScript holds exactly.
  number_max CONSTANT bigint := 9007199254740991;
BEGIN
  INSERT INTO stat_seen AS s (tenant_id, node_id, boot_id, seq, at)
    SELECT k.tenant_id, k.id, r.boot, 0, now()
      FROM jsonb_to_recordset(p_reports) AS r(node text, boot text)
      JOIN nodes k ON k.id = r.node
      ORDER BY k.id, r.boot
    ON CONFLICT DO NOTHING;

  WITH reports AS (
    SELECT r.*, k.tenant_id
      FROM jsonb_to_recordset(p_reports) AS r(
        n integer, node text, boot text, first bigint, last bigint, dropped bigint, "atMs" bigint)
      JOIN nodes k ON k.id = r.node
  ), locked AS (
    SELECT s.tenant_id, s.node_id, s.boot_id FROM stat_seen s
      JOIN reports r ON s.tenant_id = r.tenant_id AND s.node_id = r.node AND s.boot_id = r.boot
      ORDER BY s.node_id, s.boot_id FOR UPDATE OF s
  ), accepted AS (
    UPDATE stat_seen s SET
        seq = r.last,
        dropped = least(s.dropped::numeric + r.dropped, number_max)::bigint,
        at = greatest(s.at, to_timestamp(r."atMs" / 1000.0))
      FROM reports r JOIN locked l
        ON l.tenant_id = r.tenant_id AND l.node_id = r.node AND l.boot_id = r.boot
      WHERE s.tenant_id = r.tenant_id AND s.node_id = r.node AND s.boot_id = r.boot
        AND s.seq = r.first - 1
      RETURNING r.n, r.tenant_id, r.node
  ), counted AS (
    SELECT a.tenant_id, a.node, w.*
      FROM jsonb_to_recordset(p_rows) AS w(
        n integer, balancer text, backend text, "atMs" bigint, connections bigint, refused bigint,
        rejected bigint, "rxBytes" bigint, "txBytes" bigint, "activeConnections" float8,
        live float8)
      JOIN accepted a ON a.n = w.n
      JOIN balancers b ON b.tenant_id = a.tenant_id AND b.id = w.balancer
  ), totals AS (
    INSERT INTO stat_totals AS t (
        tenant_id, balancer_id, node_id, backend, connections, refused, rejected, rx_bytes,
        tx_bytes, active_connections, live, updated_at)
      SELECT c.tenant_id, c.balancer, c.node, c.backend,
          least(sum(c.connections), number_max), least(sum(c.refused), number_max),
          least(sum(c.rejected), number_max), least(sum(c."rxBytes"), number_max),
          least(sum(c."txBytes"), number_max),
          (array_agg(c."activeConnections" ORDER BY c."atMs" DESC))[1],
          (array_agg(c.live ORDER BY c."atMs" DESC))[1],
          to_timestamp(max(c."atMs") / 1000.0)
        FROM counted c
        GROUP BY c.tenant_id, c.balancer, c.node, c.backend
        ORDER BY 1, 2, 3, 4
      ON CONFLICT (tenant_id, balancer_id, node_id, backend) DO UPDATE SET
        connections = least(t.connections + EXCLUDED.connections, number_max),
        refused = least(t.refused + EXCLUDED.refused, number_max),
        rejected = least(t.rejected + EXCLUDED.rejected, number_max),
        rx_bytes = least(t.rx_bytes + EXCLUDED.rx_bytes, number_max),
        tx_bytes = least(t.tx_bytes + EXCLUDED.tx_bytes, number_max),
        active_connections = EXCLUDED.active_connections,
        live = EXCLUDED.live,
        updated_at = greatest(t.updated_at, EXCLUDED.updated_at)
  ), tens AS (
    INSERT INTO stat_10s AS t (
        tenant_id, balancer_id, node_id, backend, bucket, connections, refused, rejected,
        rx_bytes, tx_bytes)
      SELECT c.tenant_id, c.balancer, c.node, c.backend,
          to_timestamp(c."atMs" / 10000 * 10), least(sum(c.connections), number_max),
          least(sum(c.refused), number_max), least(sum(c.rejected), number_max),
          least(sum(c."rxBytes"), number_max), least(sum(c."txBytes"), number_max)
        FROM counted c
        GROUP BY 1, 2, 3, 4, 5
        ORDER BY 1, 2, 5, 3, 4
      ON CONFLICT (tenant_id, balancer_id, bucket, node_id, backend) DO UPDATE SET
        connections = least(t.connections + EXCLUDED.connections, number_max),
        refused = least(t.refused + EXCLUDED.refused, number_max),
        rejected = least(t.rejected + EXCLUDED.rejected, number_max),
        rx_bytes = least(t.rx_bytes + EXCLUDED.rx_bytes, number_max),
        tx_bytes = least(t.tx_bytes + EXCLUDED.tx_bytes, number_max)
  )
  INSERT INTO stat_1m AS t (
      tenant_id, balancer_id, backend, bucket, connections, refused, rejected, rx_bytes, tx_bytes)
    SELECT c.tenant_id, c.balancer, c.backend, to_timestamp(c."atMs" / 60000 * 60),
        least(sum(c.connections), number_max), least(sum(c.refused), number_max),
        least(sum(c.rejected), number_max), least(sum(c."rxBytes"), number_max),
        least(sum(c."txBytes"), number_max)
      FROM counted c
      GROUP BY 1, 2, 3, 4
      ORDER BY 1, 2, 4, 3
    ON CONFLICT (tenant_id, balancer_id, bucket, backend) DO UPDATE SET
      connections = least(t.connections + EXCLUDED.connections, number_max),
      refused = least(t.refused + EXCLUDED.refused, number_max),
      rejected = least(t.rejected + EXCLUDED.rejected, number_max),
      rx_bytes = least(t.rx_bytes + EXCLUDED.rx_bytes, number_max),
      tx_bytes = least(t.tx_bytes + EXCLUDED.tx_bytes, number_max);

  RETURN QUERY
    SELECT r.n, coalesce(s.seq, 0)
      FROM jsonb_to_recordset(p_reports) AS r(n integer, node text, boot text)
      LEFT JOIN nodes k ON k.id = r.node
      LEFT JOIN stat_seen s
        ON s.tenant_id = k.tenant_id AND s.node_id = k.id AND s.boot_id = r.boot;
END
$$;
--> statement-breakpoint

-- Removes buckets that are past their time; one instance at a time. Gives how many rows went.
CREATE FUNCTION system.prune_buckets(p_10s_ms bigint, p_1m_ms bigint, p_rows_max integer)
  RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  tens bigint;
  minutes bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(5271640002) THEN
    RETURN 0;
  END IF;
  DELETE FROM stat_10s WHERE ctid IN (
    SELECT ctid FROM stat_10s WHERE bucket < now() - p_10s_ms * interval '1 ms' LIMIT p_rows_max);
  GET DIAGNOSTICS tens = ROW_COUNT;
  DELETE FROM stat_1m WHERE ctid IN (
    SELECT ctid FROM stat_1m WHERE bucket < now() - p_1m_ms * interval '1 ms' LIMIT p_rows_max);
  GET DIAGNOSTICS minutes = ROW_COUNT;
  RETURN tens + minutes;
END
$$;
--> statement-breakpoint

-- Removes what nodes left behind: totals of balancers that are gone, boots long past, all but the
-- newest events and receipts of each node. Gives how many rows went.
CREATE FUNCTION system.prune_nodes(
    p_boot_ms bigint, p_events_kept integer, p_receipts_kept integer, p_rows_max integer)
  RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  gone bigint;
  total bigint := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(5271640003) THEN
    RETURN 0;
  END IF;
  DELETE FROM stat_totals WHERE ctid IN (
    SELECT t.ctid FROM stat_totals t
      WHERE NOT EXISTS (
        SELECT FROM balancers b WHERE b.tenant_id = t.tenant_id AND b.id = t.balancer_id)
      LIMIT p_rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  total := total + gone;
  -- The newest counting of a node stays, however long nothing happened: it goes on from there.
  DELETE FROM stat_seen WHERE ctid IN (
    SELECT s.ctid FROM stat_seen s
      WHERE s.at < now() - p_boot_ms * interval '1 ms'
        AND (EXISTS (
            SELECT FROM stat_seen t
              WHERE t.tenant_id = s.tenant_id AND t.node_id = s.node_id AND t.at > s.at)
          OR NOT EXISTS (
            SELECT FROM nodes n
              WHERE n.tenant_id = s.tenant_id AND n.id = s.node_id AND n.revoked_at IS NULL))
      LIMIT p_rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  total := total + gone;
  DELETE FROM node_events WHERE ctid IN (
    SELECT e.ctid FROM (
        SELECT ctid, row_number() OVER (PARTITION BY tenant_id, node_id ORDER BY seq DESC) AS age
          FROM node_events) e
      WHERE e.age > p_events_kept LIMIT p_rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  total := total + gone;
  DELETE FROM node_revisions WHERE ctid IN (
    SELECT r.ctid FROM (
        SELECT ctid, row_number() OVER (PARTITION BY tenant_id, node_id ORDER BY rev DESC) AS age
          FROM node_revisions) r
      WHERE r.age > p_receipts_kept LIMIT p_rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN total + gone;
END
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  system.group_revisions(jsonb),
  system.nodes_by_id(text[]),
  system.claim_links(jsonb, integer),
  system.ended_links(jsonb),
  system.redeem_join_token(text, text, text, text, text, text, jsonb, integer, text, text),
  system.write_nodes(jsonb, jsonb, jsonb, jsonb),
  system.ingest_reports(jsonb, jsonb),
  system.prune_buckets(bigint, bigint, integer),
  system.prune_nodes(bigint, integer, integer, integer)
  TO midstream_system;
