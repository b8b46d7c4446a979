-- What is removed is found by an index, however big the tables are and however old their statistics:
-- these functions are not to read a table from its beginning. Each removes a bounded number of rows
-- and is called again until it finds less; several instances take turns.

CREATE INDEX api_keys_sessions ON api_keys (expires_at) WHERE kind = 'session';
--> statement-breakpoint

-- Buckets that are past their time, oldest first. Gives the larger of the two tables' rows that went.
CREATE OR REPLACE FUNCTION system.prune_buckets(
    p_10s_ms bigint, p_1m_ms bigint, p_rows_max integer)
  RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
DECLARE
  tens bigint;
  minutes bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(5271640002) THEN
    RETURN 0;
  END IF;
  DELETE FROM stat_10s WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM stat_10s WHERE bucket < now() - p_10s_ms * interval '1 ms'
      ORDER BY bucket LIMIT p_rows_max));
  GET DIAGNOSTICS tens = ROW_COUNT;
  DELETE FROM stat_1m WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM stat_1m WHERE bucket < now() - p_1m_ms * interval '1 ms'
      ORDER BY bucket LIMIT p_rows_max));
  GET DIAGNOSTICS minutes = ROW_COUNT;
  RETURN greatest(tens, minutes);
END
$$;
--> statement-breakpoint

-- Totals of balancers that are gone, in the order of (tenant, balancer) behind the given place. Goes
-- from one balancer to the next by the primary key, past all its rows. Gives how many rows went and
-- the last place that was seen to its end; no place at the end of the table.
CREATE FUNCTION system.prune_totals(
    p_tenant text, p_balancer text, p_balancers_max integer, p_rows_max integer)
  RETURNS TABLE (gone bigint, tenant text, balancer text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
DECLARE
  place record;
  went bigint;
BEGIN
  gone := 0;
  tenant := p_tenant;
  balancer := p_balancer;
  IF NOT pg_try_advisory_xact_lock(5271640003) THEN
    tenant := NULL;
    balancer := NULL;
    RETURN NEXT;
    RETURN;
  END IF;
  FOR counter IN 1 .. p_balancers_max LOOP
    SELECT t.tenant_id, t.balancer_id INTO place FROM stat_totals t
      WHERE (t.tenant_id, t.balancer_id) > (tenant, balancer)
      ORDER BY t.tenant_id, t.balancer_id LIMIT 1;
    IF NOT FOUND THEN
      tenant := NULL;
      balancer := NULL;
      EXIT;
    END IF;
    IF NOT EXISTS (
        SELECT FROM balancers b WHERE b.tenant_id = place.tenant_id AND b.id = place.balancer_id) THEN
      DELETE FROM stat_totals WHERE ctid = ANY (ARRAY(
        SELECT t.ctid FROM stat_totals t
          WHERE t.tenant_id = place.tenant_id AND t.balancer_id = place.balancer_id
          LIMIT p_rows_max - gone));
      GET DIAGNOSTICS went = ROW_COUNT;
      gone := gone + went;
      EXIT WHEN gone >= p_rows_max;
    END IF;
    tenant := place.tenant_id;
    balancer := place.balancer_id;
  END LOOP;
  RETURN NEXT;
END
$$;
--> statement-breakpoint

DROP FUNCTION system.prune_nodes(bigint, integer, integer, integer);
--> statement-breakpoint

-- What nodes left behind, in the order of their ids behind the given one: boots long past, all but
-- the newest events and receipts of each. Gives how many rows went and the last node that was seen
-- to its end; no node at the end of the table.
CREATE FUNCTION system.prune_nodes(
    p_node text, p_nodes_max integer, p_boot_ms bigint, p_events_kept integer,
    p_receipts_kept integer, p_rows_max integer)
  RETURNS TABLE (gone bigint, node text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
  SET enable_seqscan = off
AS $$
DECLARE
  place record;
  went bigint;
  seen integer := 0;
BEGIN
  gone := 0;
  node := p_node;
  IF NOT pg_try_advisory_xact_lock(5271640003) THEN
    node := NULL;
    RETURN NEXT;
    RETURN;
  END IF;
  FOR place IN
    SELECT n.tenant_id, n.id, n.revoked_at IS NULL AS in_use FROM nodes n
      WHERE n.id > p_node ORDER BY n.id LIMIT p_nodes_max
  LOOP
    -- The newest counting of a node stays, however long nothing happened: it goes on from there.
    DELETE FROM stat_seen WHERE ctid = ANY (ARRAY(
      SELECT s.ctid FROM stat_seen s
        WHERE s.tenant_id = place.tenant_id AND s.node_id = place.id
          AND s.at < now() - p_boot_ms * interval '1 ms'
          AND (NOT place.in_use OR EXISTS (
            SELECT FROM stat_seen t
              WHERE t.tenant_id = s.tenant_id AND t.node_id = s.node_id AND t.at > s.at))
        LIMIT p_rows_max - gone));
    GET DIAGNOSTICS went = ROW_COUNT;
    gone := gone + went;
    DELETE FROM node_events WHERE ctid = ANY (ARRAY(
      SELECT e.ctid FROM node_events e
        WHERE e.tenant_id = place.tenant_id AND e.node_id = place.id
          AND e.seq <= (
            SELECT k.seq FROM node_events k
              WHERE k.tenant_id = place.tenant_id AND k.node_id = place.id
              ORDER BY k.seq DESC OFFSET p_events_kept LIMIT 1)
        ORDER BY e.seq LIMIT p_rows_max - gone));
    GET DIAGNOSTICS went = ROW_COUNT;
    gone := gone + went;
    DELETE FROM node_revisions WHERE ctid = ANY (ARRAY(
      SELECT r.ctid FROM node_revisions r
        WHERE r.tenant_id = place.tenant_id AND r.node_id = place.id
          AND r.rev <= (
            SELECT k.rev FROM node_revisions k
              WHERE k.tenant_id = place.tenant_id AND k.node_id = place.id
              ORDER BY k.rev DESC OFFSET p_receipts_kept LIMIT 1)
        ORDER BY r.rev LIMIT p_rows_max - gone));
    GET DIAGNOSTICS went = ROW_COUNT;
    gone := gone + went;
    EXIT WHEN gone >= p_rows_max;
    seen := seen + 1;
    node := place.id;
  END LOOP;
  IF gone < p_rows_max AND seen < p_nodes_max THEN
    node := NULL;
  END IF;
  RETURN NEXT;
END
$$;
--> statement-breakpoint

ALTER FUNCTION system.purge_expired(integer) SET enable_seqscan = off;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  system.prune_totals(text, text, integer, integer),
  system.prune_nodes(text, integer, bigint, integer, integer, integer)
  TO midstream_system;
