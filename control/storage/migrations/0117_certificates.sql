CREATE TABLE "certificates" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"details" jsonb NOT NULL,
	"key_id" text NOT NULL,
	"sealed_key" text NOT NULL,
	"rev_created" bigint NOT NULL,
	"rev_updated" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "certificates_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
ALTER TABLE "balancers" ADD COLUMN "certificates" text[] DEFAULT '{}'::text[] NOT NULL;--> statement-breakpoint
ALTER TABLE "revisions" ADD COLUMN "certificates" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "certificates_name" ON "certificates" USING btree ("tenant_id","name");--> statement-breakpoint
CREATE UNIQUE INDEX "certificates_key" ON "certificates" USING btree ("tenant_id","key_id");--> statement-breakpoint

-- As every table with tenant_id: its rows are shown to their tenant only.
ALTER TABLE certificates ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY of_tenant ON certificates TO midstream_tenant
  USING (tenant_id = current_setting('midstream.tenant', true))
  WITH CHECK (tenant_id = current_setting('midstream.tenant', true));
--> statement-breakpoint
-- A key that is over is gone: a renewal replaces it, a removal deletes it.
GRANT SELECT, INSERT, DELETE,
  UPDATE (name, hash, details, key_id, sealed_key, rev_updated, updated_at)
  ON certificates TO midstream_tenant;
