CREATE TABLE "api_keys" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"user_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	CONSTRAINT "api_keys_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "audit" (
	"tenant_id" text NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "audit_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target" text NOT NULL,
	"before_hash" text,
	"after_hash" text,
	"request_id" text NOT NULL,
	"address" text NOT NULL,
	CONSTRAINT "audit_tenant_id_seq_pk" PRIMARY KEY("tenant_id","seq")
);
--> statement-breakpoint
CREATE TABLE "balancers" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"group_id" text NOT NULL,
	"definition" jsonb NOT NULL,
	"hash" text NOT NULL,
	"rev_created" bigint NOT NULL,
	"rev_updated" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "balancers_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "bodies" (
	"tenant_id" text NOT NULL,
	"hash" text NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "bodies_tenant_id_hash_pk" PRIMARY KEY("tenant_id","hash")
);
--> statement-breakpoint
CREATE TABLE "control_state" (
	"id" integer PRIMARY KEY NOT NULL,
	"epoch" integer NOT NULL,
	"master_key_check" text
);
--> statement-breakpoint
CREATE TABLE "signing_keys" (
	"key_id" text PRIMARY KEY NOT NULL,
	"public_key" text NOT NULL,
	"sealed_private_key" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"name" text NOT NULL,
	"rev" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "groups_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"tenant_id" text NOT NULL,
	"key" text NOT NULL,
	"fingerprint" text NOT NULL,
	"sealed_answer" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_tenant_id_key_pk" PRIMARY KEY("tenant_id","key")
);
--> statement-breakpoint
CREATE TABLE "join_tokens" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"hash" text NOT NULL,
	"group_id" text NOT NULL,
	"uses" integer NOT NULL,
	"uses_left" integer NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "join_tokens_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "manifests" (
	"tenant_id" text NOT NULL,
	"group_id" text NOT NULL,
	"epoch" integer NOT NULL,
	"rev" bigint NOT NULL,
	"root" text NOT NULL,
	"entries" jsonb NOT NULL,
	"signature" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "manifests_tenant_id_group_id_epoch_rev_pk" PRIMARY KEY("tenant_id","group_id","epoch","rev")
);
--> statement-breakpoint
CREATE TABLE "node_events" (
	"tenant_id" text NOT NULL,
	"node_id" text NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "node_events_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"balancer_id" text,
	"backend" text,
	"detail" text NOT NULL,
	CONSTRAINT "node_events_tenant_id_node_id_seq_pk" PRIMARY KEY("tenant_id","node_id","seq")
);
--> statement-breakpoint
CREATE TABLE "node_revisions" (
	"tenant_id" text NOT NULL,
	"node_id" text NOT NULL,
	"rev" bigint NOT NULL,
	"sent_at" timestamp with time zone,
	"stored_at" timestamp with time zone,
	"applied_at" timestamp with time zone,
	"serving_at" timestamp with time zone,
	"errors" jsonb DEFAULT '[]'::jsonb NOT NULL,
	CONSTRAINT "node_revisions_tenant_id_node_id_rev_pk" PRIMARY KEY("tenant_id","node_id","rev")
);
--> statement-breakpoint
CREATE TABLE "node_status" (
	"tenant_id" text NOT NULL,
	"node_id" text NOT NULL,
	"connected" boolean DEFAULT false NOT NULL,
	"instance" text,
	"session" text,
	"desired" jsonb,
	"running" jsonb,
	"phase" text,
	"failing" integer DEFAULT 0 NOT NULL,
	"errors" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"durable" boolean DEFAULT true NOT NULL,
	"connections" integer DEFAULT 0 NOT NULL,
	"last_seen_at" timestamp with time zone,
	CONSTRAINT "node_status_tenant_id_node_id_pk" PRIMARY KEY("tenant_id","node_id")
);
--> statement-breakpoint
CREATE TABLE "nodes" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"group_id" text NOT NULL,
	"hostname" text NOT NULL,
	"signing_key" text NOT NULL,
	"receiving_key" text NOT NULL,
	"generation" bigint DEFAULT 0 NOT NULL,
	"agent" text NOT NULL,
	"capabilities" text[] DEFAULT '{}' NOT NULL,
	"labels" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"os" text DEFAULT '' NOT NULL,
	"joined_at" timestamp with time zone DEFAULT now() NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "nodes_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "revisions" (
	"tenant_id" text NOT NULL,
	"rev" bigint NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"changes" jsonb NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "revisions_tenant_id_rev_pk" PRIMARY KEY("tenant_id","rev")
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"tenant_id" text NOT NULL,
	"id" text NOT NULL,
	"sealed" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "secrets_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "stat_10s" (
	"tenant_id" text NOT NULL,
	"balancer_id" text NOT NULL,
	"node_id" text NOT NULL,
	"backend" text NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"connections" bigint DEFAULT 0 NOT NULL,
	"refused" bigint DEFAULT 0 NOT NULL,
	"rejected" bigint DEFAULT 0 NOT NULL,
	"rx_bytes" bigint DEFAULT 0 NOT NULL,
	"tx_bytes" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "stat_10s_tenant_id_balancer_id_bucket_node_id_backend_pk" PRIMARY KEY("tenant_id","balancer_id","bucket","node_id","backend")
);
--> statement-breakpoint
CREATE TABLE "stat_1m" (
	"tenant_id" text NOT NULL,
	"balancer_id" text NOT NULL,
	"backend" text NOT NULL,
	"bucket" timestamp with time zone NOT NULL,
	"connections" bigint DEFAULT 0 NOT NULL,
	"refused" bigint DEFAULT 0 NOT NULL,
	"rejected" bigint DEFAULT 0 NOT NULL,
	"rx_bytes" bigint DEFAULT 0 NOT NULL,
	"tx_bytes" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "stat_1m_tenant_id_balancer_id_bucket_backend_pk" PRIMARY KEY("tenant_id","balancer_id","bucket","backend")
);
--> statement-breakpoint
CREATE TABLE "stat_seen" (
	"tenant_id" text NOT NULL,
	"node_id" text NOT NULL,
	"boot_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"dropped" bigint DEFAULT 0 NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "stat_seen_tenant_id_node_id_boot_id_pk" PRIMARY KEY("tenant_id","node_id","boot_id")
);
--> statement-breakpoint
CREATE TABLE "stat_totals" (
	"tenant_id" text NOT NULL,
	"balancer_id" text NOT NULL,
	"node_id" text NOT NULL,
	"backend" text NOT NULL,
	"connections" bigint DEFAULT 0 NOT NULL,
	"refused" bigint DEFAULT 0 NOT NULL,
	"rejected" bigint DEFAULT 0 NOT NULL,
	"rx_bytes" bigint DEFAULT 0 NOT NULL,
	"tx_bytes" bigint DEFAULT 0 NOT NULL,
	"active_connections" double precision DEFAULT 0 NOT NULL,
	"live" double precision DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "stat_totals_tenant_id_balancer_id_node_id_backend_pk" PRIMARY KEY("tenant_id","balancer_id","node_id","backend")
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"rev" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"tenant_id" text NOT NULL,
	"user_id" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_tenant_id_user_id_pk" PRIMARY KEY("tenant_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text PRIMARY KEY NOT NULL,
	"email" text NOT NULL,
	"password_hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_email_unique" UNIQUE("email")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_hash" ON "api_keys" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "audit_at" ON "audit" USING btree ("tenant_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "balancers_name" ON "balancers" USING btree ("tenant_id","name");--> statement-breakpoint
CREATE INDEX "balancers_group" ON "balancers" USING btree ("tenant_id","group_id");--> statement-breakpoint
CREATE UNIQUE INDEX "groups_name" ON "groups" USING btree ("tenant_id","name");--> statement-breakpoint
CREATE INDEX "idempotency_expires" ON "idempotency" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "join_tokens_hash" ON "join_tokens" USING btree ("hash");--> statement-breakpoint
CREATE INDEX "stat_10s_bucket" ON "stat_10s" USING btree ("bucket");--> statement-breakpoint
CREATE INDEX "stat_1m_bucket" ON "stat_1m" USING btree ("bucket");