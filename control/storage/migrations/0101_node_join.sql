-- With which token a node joined: the same host that asks again with it gets the same node.
ALTER TABLE "nodes" ADD COLUMN "join_token_id" text;
--> statement-breakpoint
CREATE INDEX "nodes_join_token" ON "nodes" USING btree ("tenant_id","join_token_id");
--> statement-breakpoint
UPDATE nodes n SET join_token_id = a.actor
  FROM audit a
  WHERE a.tenant_id = n.tenant_id AND a.action = 'node.join' AND a.target = n.id;
--> statement-breakpoint
DROP FUNCTION system.redeem_join_token(
  text, text, text, text, text, text, jsonb, integer, text, text);
--> statement-breakpoint

-- One use of a token, and the node that came with it, in one transaction. Redemptions of one token
-- take turns, and so do those of one tenant: of many at the same time only as many succeed as the
-- token has uses, and the tenant room. The same keys with the same token again are the same node:
-- its answer got lost. Outcome: joined, unknown, expired, revoked, used, full.
CREATE FUNCTION system.redeem_join_token(
    p_token_hash text, p_node_id text, p_signing_key text, p_receiving_key text,
    p_hostname text, p_agent text, p_labels jsonb, p_nodes_max integer,
    p_request_id text, p_address text)
  RETURNS TABLE (outcome text, tenant_id text, group_id text, epoch integer, node_id text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  token join_tokens%ROWTYPE;
  known nodes%ROWTYPE;
  refusal text;
BEGIN
  SELECT t.* INTO token FROM join_tokens t WHERE t.hash = p_token_hash FOR UPDATE;
  refusal := CASE
    WHEN token.id IS NULL THEN 'unknown'
    WHEN token.revoked_at IS NOT NULL THEN 'revoked'
    WHEN token.expires_at <= now() THEN 'expired' END;
  IF refusal IS NULL THEN
    SELECT n.* INTO known FROM nodes n
      WHERE n.tenant_id = token.tenant_id AND n.join_token_id = token.id
        AND n.signing_key = p_signing_key AND n.receiving_key = p_receiving_key
        AND n.revoked_at IS NULL;
    IF FOUND THEN
      RETURN QUERY SELECT 'joined'::text, known.tenant_id, known.group_id,
        public.control_epoch(), known.id;
      RETURN;
    END IF;
    IF token.uses_left <= 0 THEN
      refusal := 'used';
    ELSE
      -- Joins with other tokens of the tenant count their nodes after this one, or before it.
      PERFORM pg_advisory_xact_lock(527164004, hashtext(token.tenant_id));
      IF p_nodes_max <= (SELECT count(*) FROM nodes n
          WHERE n.tenant_id = token.tenant_id AND n.revoked_at IS NULL) THEN
        refusal := 'full';
      END IF;
    END IF;
  END IF;
  IF refusal IS NOT NULL THEN
    RETURN QUERY SELECT refusal, NULL::text, NULL::text, NULL::integer, NULL::text;
    RETURN;
  END IF;
  UPDATE join_tokens t SET uses_left = t.uses_left - 1
    WHERE t.tenant_id = token.tenant_id AND t.id = token.id;
  INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent, labels,
      join_token_id)
    VALUES (token.tenant_id, p_node_id, token.group_id, p_hostname, p_signing_key,
      p_receiving_key, p_agent, p_labels, token.id);
  INSERT INTO node_status (tenant_id, node_id) VALUES (token.tenant_id, p_node_id);
  INSERT INTO audit (tenant_id, actor, action, target, request_id, address)
    VALUES (token.tenant_id, token.id, 'node.join', p_node_id, p_request_id, p_address);
  RETURN QUERY SELECT 'joined'::text, token.tenant_id, token.group_id, public.control_epoch(),
    p_node_id;
END
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  system.redeem_join_token(text, text, text, text, text, text, jsonb, integer, text, text)
  TO midstream_system;
