-- What a node told of for the last time: it has left, and its last connection is closed. Its gauges are
-- nothing; its counters stay for a while, so that the last of them are read.
ALTER TABLE "stat_totals" ADD COLUMN "departed" boolean DEFAULT false NOT NULL;
--> statement-breakpoint
CREATE INDEX "stat_totals_departed" ON "stat_totals" USING btree ("updated_at") WHERE departed;
--> statement-breakpoint

-- Counts reports, many at once, each exactly once: one counts only when it follows the last one of
-- its boot. p_reports: [{n, node, boot, first, last, dropped, atMs}], at most one per node and boot,
-- first to last being the reports it stands for. p_rows: [{n, balancer, backend, atMs, connections,
-- refused, rejected, rxBytes, txBytes, activeConnections, live, gone}]. Rows of balancers that are not
-- the node's tenant's are left out. Gives each one's last report that is counted now.
CREATE OR REPLACE FUNCTION system.ingest_reports(p_reports jsonb, p_rows jsonb)
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

  -- Those who count the same boot take turns from here on: each finds what the one before counted.
  PERFORM FROM stat_seen s
    JOIN jsonb_to_recordset(p_reports) AS r(node text, boot text)
      ON s.node_id = r.node AND s.boot_id = r.boot
    JOIN nodes k ON k.id = r.node AND k.tenant_id = s.tenant_id
    ORDER BY s.node_id, s.boot_id FOR UPDATE OF s;

  -- The first report of a boot names everything that is there: the rest has left while the node was
  -- not running.
  UPDATE stat_totals t SET departed = true, active_connections = 0, live = 0, updated_at = now()
    FROM (
      SELECT o.tenant_id, o.balancer_id, o.node_id, o.backend
        FROM jsonb_to_recordset(p_reports) AS r(node text, boot text, first bigint)
        JOIN nodes k ON k.id = r.node
        JOIN stat_seen s ON s.tenant_id = k.tenant_id AND s.node_id = k.id AND s.boot_id = r.boot
        JOIN balancers b ON b.tenant_id = k.tenant_id
        JOIN stat_totals o
          ON o.tenant_id = b.tenant_id AND o.balancer_id = b.id AND o.node_id = k.id
        WHERE r.first = 1 AND s.seq = 0 AND NOT o.departed
        ORDER BY o.tenant_id, o.balancer_id, o.node_id, o.backend FOR UPDATE OF o) old
    WHERE t.tenant_id = old.tenant_id AND t.balancer_id = old.balancer_id
      AND t.node_id = old.node_id AND t.backend = old.backend;

  WITH reports AS (
    SELECT r.*, k.tenant_id
      FROM jsonb_to_recordset(p_reports) AS r(
        n integer, node text, boot text, first bigint, last bigint, dropped bigint, "atMs" bigint)
      JOIN nodes k ON k.id = r.node
  ), accepted AS (
    UPDATE stat_seen s SET
        seq = r.last,
        dropped = least(s.dropped::numeric + r.dropped, number_max)::bigint,
        at = greatest(s.at, to_timestamp(r."atMs" / 1000.0))
      FROM reports r
      WHERE s.tenant_id = r.tenant_id AND s.node_id = r.node AND s.boot_id = r.boot
        AND s.seq = r.first - 1
      RETURNING r.n, r.tenant_id, r.node
  ), counted AS (
    SELECT a.tenant_id, a.node, w.*
      FROM jsonb_to_recordset(p_rows) AS w(
        n integer, balancer text, backend text, "atMs" bigint, connections bigint, refused bigint,
        rejected bigint, "rxBytes" bigint, "txBytes" bigint, "activeConnections" float8,
        live float8, gone float8)
      JOIN accepted a ON a.n = w.n
      JOIN balancers b ON b.tenant_id = a.tenant_id AND b.id = w.balancer
  ), totals AS (
    INSERT INTO stat_totals AS t (
        tenant_id, balancer_id, node_id, backend, connections, refused, rejected, rx_bytes,
        tx_bytes, active_connections, live, departed, updated_at)
      SELECT c.tenant_id, c.balancer, c.node, c.backend,
          least(sum(c.connections), number_max), least(sum(c.refused), number_max),
          least(sum(c.rejected), number_max), least(sum(c."rxBytes"), number_max),
          least(sum(c."txBytes"), number_max),
          (array_agg(c."activeConnections" ORDER BY c."atMs" DESC))[1],
          (array_agg(c.live ORDER BY c."atMs" DESC))[1],
          (array_agg(coalesce(c.gone, 0) > 0 ORDER BY c."atMs" DESC))[1],
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
        departed = EXCLUDED.departed,
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

-- Totals of backends that left so long ago, oldest first. Gives how many rows went.
CREATE FUNCTION system.prune_departed(p_ms bigint, p_rows_max integer)
  RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
DECLARE
  went bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(5271640002) THEN
    RETURN 0;
  END IF;
  DELETE FROM stat_totals WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM stat_totals
      WHERE departed AND backend <> '' AND updated_at < now() - p_ms * interval '1 ms'
      ORDER BY updated_at LIMIT p_rows_max));
  GET DIAGNOSTICS went = ROW_COUNT;
  RETURN went;
END
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION system.prune_departed(bigint, integer) TO midstream_system;
