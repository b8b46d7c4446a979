import type { Actor, VerbDeps } from "../../../../control/verbs/actor.ts";
import {
  createBalancer,
  type CreateBalancerOutcome,
} from "../../../../control/verbs/balancer/create.ts";
import { verbDeps } from "../../../support/actors.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import type { Cleanup } from "../../../support/processes.ts";

/** What a tenant has stored, counted. */
export interface StoredRows {
  readonly rev: number;
  readonly balancers: number;
  readonly bodies: number;
  readonly revisions: number;
  readonly secrets: number;
  /** Of balancers that were created. */
  readonly audit: number;
  /** To requests with an idempotency key. */
  readonly answers: number;
}

/** Of a tenant that has never stored anything. */
export const noRows: StoredRows = {
  ...{ rev: 0, balancers: 0, bodies: 0, revisions: 0, secrets: 0, audit: 0, answers: 0 },
};

/** Creating balancers in a database of its own. */
export interface CreationUnderTest {
  readonly db: TestDatabase;
  readonly deps: VerbDeps;
  create(actor: Actor, definition: unknown, dryRun?: boolean): Promise<CreateBalancerOutcome>;
  /** @throws Error when it was refused */
  created(
    actor: Actor,
    definition: unknown,
  ): Promise<Extract<CreateBalancerOutcome, { readonly kind: "created" }>>;
  rowsOf(actor: Actor): Promise<StoredRows | undefined>;
}

export async function creationUnderTest(cleanup: Cleanup): Promise<CreationUnderTest> {
  const db = await testDatabase();
  cleanup(() => db.stop());
  const deps = verbDeps(db);
  const create: CreationUnderTest["create"] = (actor, definition, dryRun = false) =>
    createBalancer(deps, actor, { definition, dryRun });
  return {
    db,
    deps,
    create,
    created: async (actor, definition) => {
      const outcome = await create(actor, definition);
      if (outcome.kind !== "created") throw new Error(JSON.stringify(outcome));
      return outcome;
    },
    rowsOf: (actor) => rowsOf(db, actor),
  };
}

async function rowsOf(
  db: TestDatabase,
  { tenantId }: Pick<Actor, "tenantId">,
): Promise<StoredRows | undefined> {
  const [row] = await db.sql<StoredRows[]>`
    SELECT (SELECT rev FROM tenants WHERE id = ${tenantId})::int AS rev,
      (SELECT count(*) FROM balancers WHERE tenant_id = ${tenantId})::int AS balancers,
      (SELECT count(*) FROM bodies WHERE tenant_id = ${tenantId})::int AS bodies,
      (SELECT count(*) FROM revisions WHERE tenant_id = ${tenantId})::int AS revisions,
      (SELECT count(*) FROM secrets WHERE tenant_id = ${tenantId})::int AS secrets,
      (SELECT count(*) FROM audit WHERE tenant_id = ${tenantId} AND action = 'balancer.create')::int AS audit,
      (SELECT count(*) FROM idempotency WHERE tenant_id = ${tenantId})::int AS answers`;
  return row;
}
