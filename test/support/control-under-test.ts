import { randomBytes, randomUUID } from "node:crypto";

import { systemClock, type Clock } from "#shared/base/clock.ts";

import { createApp } from "../../control/app.ts";
import { localKeyKeeper } from "../../control/certificates/key-keeper.ts";
import { masterKeyOf } from "../../control/certificates/master-key.ts";
import { createSealer } from "../../control/certificates/sealer.ts";
import { defaultHttpLimits } from "../../control/http/default-limits.ts";
import type { BodyEnv } from "../../control/http/env.ts";
import type { HttpDeps, HttpLimits } from "../../control/http/http-deps.ts";
import { startHttpServer } from "../../control/http/http-server.ts";
import { createRouter } from "../../control/http/router.ts";
import type { Database } from "../../control/storage/database.ts";
import { createPasswords } from "../../control/verbs/tenant/password.ts";
import { testDatabase, type TestDatabase } from "./postgres.ts";
import type { Cleanup } from "./processes.ts";
import { recordedLog } from "./recorded-log.ts";

export interface ControlOptions {
  readonly limits?: Partial<HttpLimits>;
  readonly trustedProxies?: readonly string[];
  readonly clock?: Clock;
  /** The whole database unless given: to put something in its way. */
  readonly database?: (real: Database) => Database;
}

/** The HTTP face of a control plane on a real socket and a real database, in this process. */
export interface ControlUnderTest {
  readonly url: string;
  readonly port: number;
  readonly app: ReturnType<typeof createApp>;
  readonly db: TestDatabase;
  readonly log: ReturnType<typeof recordedLog>;
}

/** Limits that a test of something else does not meet. */
const wideLimits: HttpLimits = {
  ...defaultHttpLimits,
  calls: { name: "calls", burst: 100_000, perSecond: 100_000 },
  signIns: { name: "sign-ins", burst: 1_000, perSecond: 1_000 },
  refusals: { name: "refusals", burst: 100_000, perSecond: 100_000 },
};

/** Starts one with a database of its own; it is gone after the test. */
export async function controlUnderTest(
  cleanup: Cleanup,
  options: ControlOptions = {},
): Promise<ControlUnderTest> {
  const db = await testDatabase();
  cleanup(() => db.stop());
  const log = recordedLog();
  const app = createApp(httpDeps(db, log, options), createRouter<BodyEnv>());
  const server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    clock: systemClock(),
    fetch: (request, bindings) => app.fetch(request, bindings),
    upgrades: { takes: () => false, handleUpgrade: (_, socket) => void socket.destroy() },
  });
  cleanup(async () => {
    await server.stop();
  });
  return { url: server.url, port: server.port, app, db, log };
}

function httpDeps(db: TestDatabase, log: HttpDeps["log"], options: ControlOptions): HttpDeps {
  const clock = options.clock ?? systemClock();
  const database = options.database?.(db.database) ?? db.database;
  return {
    verbs: {
      database,
      sealer: createSealer(localKeyKeeper(masterKeyOf(randomBytes(32), "test"))),
      clock,
      ids: { nowMs: () => clock.nowMs(), randomBytes },
      passwords: createPasswords(),
      doorbell: true,
    },
    clock,
    log,
    newRequestId: randomUUID,
    trustedProxies: options.trustedProxies ?? [],
    limits: { ...wideLimits, ...options.limits },
    readiness: async () => ({ database: await database.ping(1_000) }),
  };
}
