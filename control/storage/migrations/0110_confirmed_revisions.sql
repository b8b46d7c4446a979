-- Whether the tenant confirmed that a revision leaves much less than there was.
ALTER TABLE "revisions" ADD COLUMN "confirmed" boolean DEFAULT false NOT NULL;
--> statement-breakpoint
CREATE INDEX "revisions_at" ON "revisions" USING btree ("tenant_id","at");
