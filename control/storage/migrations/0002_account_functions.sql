-- Whose key it is. Marks the use, at most once a minute.
CREATE FUNCTION system.api_key_by_hash(p_hash text)
  RETURNS TABLE (tenant_id text, key_id text, scopes text[])
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  UPDATE api_keys k SET last_used_at = now()
    WHERE k.hash = p_hash AND k.revoked_at IS NULL
      AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute');
  RETURN QUERY
    SELECT k.tenant_id, k.id, k.scopes FROM api_keys k
      WHERE k.hash = p_hash AND k.revoked_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > now());
END
$$;
--> statement-breakpoint

-- A tenant with its first user, default group and first key; false when the address is taken.
CREATE FUNCTION system.sign_up(
    p_tenant_id text, p_tenant_name text, p_user_id text, p_email text, p_password_hash text,
    p_group_id text, p_key_id text, p_key_hash text, p_scopes text[],
    p_request_id text, p_address text)
  RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  INSERT INTO users (id, email, password_hash) VALUES (p_user_id, p_email, p_password_hash)
    ON CONFLICT (email) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO tenants (id, name) VALUES (p_tenant_id, p_tenant_name);
  INSERT INTO memberships (tenant_id, user_id, role) VALUES (p_tenant_id, p_user_id, 'owner');
  INSERT INTO groups (tenant_id, id, name) VALUES (p_tenant_id, p_group_id, 'default');
  INSERT INTO api_keys (tenant_id, id, kind, name, hash, scopes, user_id)
    VALUES (p_tenant_id, p_key_id, 'key', 'first key', p_key_hash, p_scopes, p_user_id);
  INSERT INTO audit (tenant_id, actor, action, target, request_id, address)
    VALUES (p_tenant_id, p_key_id, 'tenant.sign-up', p_tenant_id, p_request_id, p_address);
  RETURN true;
END
$$;
--> statement-breakpoint

-- A user with every tenant it belongs to, oldest membership first.
CREATE FUNCTION system.user_by_email(p_email text)
  RETURNS TABLE (user_id text, password_hash text, tenant_id text, tenant_name text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT u.id, u.password_hash, t.id, t.name
    FROM users u
    JOIN memberships m ON m.user_id = u.id
    JOIN tenants t ON t.id = m.tenant_id
    WHERE u.email = p_email
    ORDER BY m.created_at, t.id
    LIMIT 100
$$;
--> statement-breakpoint

-- What is over: answers kept for repeated requests, and sessions nobody can use for a week.
CREATE FUNCTION system.purge_expired(p_rows_max integer)
  RETURNS TABLE (answers bigint, sessions bigint)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
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
  )
  SELECT (SELECT count(*) FROM old_answers), (SELECT count(*) FROM old_sessions)
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  system.api_key_by_hash(text),
  system.sign_up(text, text, text, text, text, text, text, text, text[], text, text),
  system.user_by_email(text),
  system.purge_expired(integer)
  TO midstream_system;
