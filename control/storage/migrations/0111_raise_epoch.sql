-- A new lineage, above every one that a node may have seen: each was, when it began, no higher than
-- the minutes since 1970, whatever copy of the database it began on. Gives the old and the new one.
CREATE FUNCTION system.raise_epoch()
  RETURNS TABLE (before integer, after integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  SELECT s.epoch INTO STRICT before FROM control_state s FOR UPDATE;
  after := greatest(before + 1, floor(extract(epoch FROM now()) / 60)::integer);
  UPDATE control_state SET epoch = after;
  RETURN NEXT;
END
$$;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION system.raise_epoch() TO midstream_system;
