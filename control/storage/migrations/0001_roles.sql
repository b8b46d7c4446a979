-- Roles belong to the whole cluster: another database of it may have made them, or be making them now.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['midstream_tenant', 'midstream_system'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- made by someone else in between
      END;
    END IF;
    IF NOT pg_has_role(current_user, role_name, 'USAGE') THEN
      BEGIN
        EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
      EXCEPTION WHEN unique_violation THEN
        NULL; -- granted by someone else in between
      END;
    END IF;
  END LOOP;
END
$$;
--> statement-breakpoint

-- Functions that cross tenants live in a schema that only the system role may look into.
CREATE SCHEMA system;
--> statement-breakpoint
GRANT USAGE ON SCHEMA system TO midstream_system;
--> statement-breakpoint
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO midstream_tenant;
--> statement-breakpoint

-- Every table with tenant_id shows its rows to their tenant only. ENABLE, not FORCE: the owner's
-- functions must see all rows, also when the owner is no superuser.
DO $$
DECLARE
  table_name text;
BEGIN
  FOR table_name IN
    SELECT c.relname FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format(
      'CREATE POLICY of_tenant ON %I TO midstream_tenant
         USING (tenant_id = current_setting(''midstream.tenant'', true))
         WITH CHECK (tenant_id = current_setting(''midstream.tenant'', true))',
      table_name);
  END LOOP;
END
$$;
--> statement-breakpoint
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY of_tenant ON tenants TO midstream_tenant
  USING (id = current_setting('midstream.tenant', true))
  WITH CHECK (id = current_setting('midstream.tenant', true));
--> statement-breakpoint

-- Not reached by any role but through functions.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE control_state ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE signing_keys ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint

-- What a tenant's transaction may do. History (revisions, bodies, audit) only grows.
GRANT SELECT, UPDATE (rev) ON tenants TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT ON memberships TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (revoked_at) ON api_keys, join_tokens TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (rev) ON groups TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON balancers TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT ON bodies, revisions, audit, secrets TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (sealed_answer), DELETE ON idempotency TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, UPDATE (revoked_at) ON nodes TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT ON node_status, node_revisions, node_events TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON manifests TO midstream_tenant;
--> statement-breakpoint
GRANT SELECT ON stat_totals, stat_10s, stat_1m, stat_seen TO midstream_tenant;
--> statement-breakpoint

-- One lineage from the start; raised after a restore.
INSERT INTO control_state (id, epoch) VALUES (1, 1);
--> statement-breakpoint
ALTER TABLE control_state ADD CONSTRAINT control_state_one_row CHECK (id = 1);
