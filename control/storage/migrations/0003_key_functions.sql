CREATE FUNCTION system.control_state()
  RETURNS TABLE (epoch integer, master_key_check text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT epoch, master_key_check FROM control_state
$$;
--> statement-breakpoint

-- The first check that was offered stays; gives the one that counts.
CREATE FUNCTION system.offer_master_key_check(p_check text)
  RETURNS text
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  UPDATE control_state SET master_key_check = coalesce(master_key_check, p_check)
    RETURNING master_key_check
$$;
--> statement-breakpoint

-- Keys that sign or are still trusted, newest first.
CREATE FUNCTION system.signing_keys()
  RETURNS TABLE (key_id text, public_key text, sealed_private_key text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT key_id, public_key, sealed_private_key FROM signing_keys
    WHERE retired_at IS NULL ORDER BY created_at DESC, key_id
$$;
--> statement-breakpoint

-- Keeps the offered key unless there is one already; of several that offer, the first wins.
CREATE FUNCTION system.offer_signing_key(p_key_id text, p_public_key text, p_sealed text)
  RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT FROM signing_keys WHERE retired_at IS NULL) THEN
    INSERT INTO signing_keys (key_id, public_key, sealed_private_key)
      VALUES (p_key_id, p_public_key, p_sealed);
  END IF;
END
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  system.control_state(),
  system.offer_master_key_check(text),
  system.signing_keys(),
  system.offer_signing_key(text, text, text)
  TO midstream_system;
