import { randomBytes, randomUUID } from "node:crypto";

import { systemClock, type Clock } from "#shared/base/clock.ts";
import { Lifetime } from "#shared/base/lifetime.ts";
import type { TrustedKeys } from "#shared/snapshot/signature.ts";

import { createApp } from "../../control/app.ts";
import { localKeyKeeper } from "../../control/certificates/key-keeper.ts";
import { masterKeyOf } from "../../control/certificates/master-key.ts";
import { createSealer, type Sealer } from "../../control/certificates/sealer.ts";
import { loadSigning } from "../../control/certificates/signing.ts";
import { defaultHttpLimits } from "../../control/http/default-limits.ts";
import type { HttpLimits } from "../../control/http/http-deps.ts";
import { startHttpServer } from "../../control/http/http-server.ts";
import { startNodeSide, type NodeSide } from "../../control/node-side.ts";
import type { Database } from "../../control/storage/database.ts";
import { createPasswords } from "../../control/verbs/tenant/password.ts";
import type { TestDatabase } from "./postgres.ts";
import type { Cleanup } from "./processes.ts";
import { recordedLog } from "./recorded-log.ts";

/** The same for all instances of one test. */
const keeper = localKeyKeeper(masterKeyOf(randomBytes(32), "test"));

export interface NodeControlOptions {
  readonly clock?: Clock;
  readonly doorbell?: boolean;
  readonly instance?: string;
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  /** Something between the control plane and its database. */
  readonly database?: (real: Database) => Database;
}

/** A control plane in this process, with everything that nodes talk to. */
export interface NodeControl {
  readonly url: string;
  readonly side: NodeSide;
  readonly sealer: Sealer;
  readonly trusted: TrustedKeys;
  readonly log: ReturnType<typeof recordedLog>;
  /** As a shutdown would: links first. */
  stop(): Promise<void>;
}

/** Starts one instance on a database that several may share. */
export async function nodeControl(
  cleanup: Cleanup,
  db: TestDatabase,
  options: NodeControlOptions = {},
): Promise<NodeControl> {
  const clock = options.clock ?? systemClock();
  const database = options.database?.(db.database) ?? db.database;
  const log = recordedLog();
  const { trustedProxies = [] } = options;
  const sealer = createSealer(keeper);
  const signing = await loadSigning(db.database, sealer);
  const ids = { nowMs: () => Date.now(), randomBytes };
  const life = new Lifetime(clock, 10_000);
  const deps = { database, signing, sealer, clock, random: Math.random, ids, log };
  const side = startNodeSide(
    {
      ...deps,
      instance: options.instance ?? randomUUID(),
      doorbell: options.doorbell ?? true,
      trustedProxies,
    },
    life,
  );
  const app = createApp(
    {
      verbs: { database, sealer, clock, ids, passwords: createPasswords(), doorbell: true },
      clock,
      log,
      newRequestId: randomUUID,
      trustedProxies,
      limits: { ...defaultHttpLimits, ...options.limits },
      readiness: async () => ({ database: await database.ping(1_000) }),
    },
    side.agentCalls,
  );
  const server = life.own(
    await startHttpServer({
      host: "127.0.0.1",
      port: 0,
      clock: systemClock(),
      fetch: (request, bindings) => app.fetch(request, bindings),
      upgrades: {
        takes: (request) => side.links.takes(request),
        handleUpgrade: (request, socket, head) => side.links.handleUpgrade(request, socket, head),
      },
    }),
  );
  const stop = async (): Promise<void> => {
    await life.stop();
  };
  cleanup(stop);
  return { url: server.url, side, sealer, trusted: signing.trusted, log, stop };
}
