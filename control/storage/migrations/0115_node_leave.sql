-- A node retires itself, as its tenant could retire it; the keys that it has proved to hold are
-- refused from then on. Gives the tenant the first time, nothing when it was retired before.
CREATE FUNCTION system.retire_node(p_node_id text, p_request_id text, p_address text)
  RETURNS TABLE (tenant_id text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  owner text;
BEGIN
  UPDATE nodes n SET revoked_at = now()
    WHERE n.id = p_node_id AND n.revoked_at IS NULL
    RETURNING n.tenant_id INTO owner;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO audit (tenant_id, actor, action, target, request_id, address)
    VALUES (owner, p_node_id, 'node.leave', p_node_id, p_request_id, p_address);
  RETURN QUERY SELECT owner;
END
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION system.retire_node(text, text, text) TO midstream_system;
