/**
 * The control plane as a process: `run` serves the API and the nodes until it is told to end,
 * `migrate` brings a database to the schema of this version, `raise-epoch` makes a restored database
 * the one that nodes follow.
 */
import { randomBytes, randomUUID } from "node:crypto";

import { systemClock } from "#shared/base/clock.ts";
import { Fault } from "#shared/base/fault.ts";
import { Lifetime } from "#shared/base/lifetime.ts";
import { readyMsMax, stopMsMax } from "#shared/base/limits.ts";

import { createApp } from "./app.ts";
import { localKeyKeeper } from "./certificates/key-keeper.ts";
import { checkMasterKey } from "./certificates/master-key-check.ts";
import { fileKeySource } from "./certificates/master-key.ts";
import { createSealer, type Sealer } from "./certificates/sealer.ts";
import { loadSigning } from "./certificates/signing.ts";
import { readConfig, type ControlConfig } from "./config.ts";
import { watchEnding, type Ending, type EndingWatch } from "./ending.ts";
import { defaultHttpLimits } from "./http/default-limits.ts";
import { startHttpServer, type HttpServer } from "./http/http-server.ts";
import { createLog, type Log } from "./log.ts";
import { startNodeSide, type NodeSide } from "./node-side.ts";
import { migrateDatabase, startDatabase } from "./start-database.ts";
import type { Database } from "./storage/database.ts";
import { startPurging } from "./storage/purging.ts";
import { raiseEpoch } from "./storage/queries/control-state.ts";
import { createPasswords } from "./verbs/tenant/password.ts";

const clock = systemClock();
const random = Math.random;
const ids = { nowMs: () => clock.nowMs(), randomBytes };
/** Names this process among the instances of one control plane. */
const instance = randomUUID();

async function main(): Promise<number> {
  const command = readConfig();
  switch (command.kind) {
    case "help":
      process.stdout.write(command.text);
      return 0;
    case "invalid":
      process.stderr.write(`${command.problems.join("\n")}\nSee --help.\n`);
      return 2;
    case "migrate":
      return untilEnded(command.config, migrate);
    case "raise-epoch":
      return untilEnded(command.config, raise);
    case "run":
      return untilEnded(command.config, run);
  }
}

/** What every step of the start may need. */
interface Starting {
  readonly config: ControlConfig;
  readonly log: Log;
  readonly life: Lifetime;
  readonly ending: EndingWatch;
}

/** Does the work; whatever ends it, half-way too, stops all that was started by then. */
async function untilEnded(
  config: ControlConfig,
  work: (starting: Starting) => Promise<void>,
): Promise<number> {
  const log = createLog({ level: config.logLevel, instance });
  const life = new Lifetime(clock, stopMsMax);
  const ending = watchEnding(clock, () => process.exit(1));
  hearEndings(ending);
  work({ config, log, life, ending }).catch((error: unknown) =>
    ending.end({ kind: "trouble", error }),
  );
  const code = told(log, await ending.happened);
  const parts = await life.stop();
  log.info("control.stopped", { late: parts.filter(({ outcome }) => outcome !== "stopped") });
  return code;
}

function hearEndings(ending: EndingWatch): void {
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(name, () => ending.end({ kind: "signal", name }));
  }
  process.on("disconnect", () => ending.end({ kind: "orphaned" }));
  process.on("uncaughtException", (error) => ending.end({ kind: "trouble", error }));
}

/** The exit code. A Fault says what to do in its message; anything else is for the log. */
function told(log: Log, ending: Ending): number {
  switch (ending.kind) {
    case "done":
      return 0;
    case "orphaned":
    case "signal":
      log.info("control.ending", ending);
      return 0;
    case "trouble": {
      const { error } = ending;
      log.error("control.failed", { error });
      process.stderr.write(`${error instanceof Fault ? error.message : "a bug; see the log"}\n`);
      return 1;
    }
  }
}

async function migrate({ config, log, life, ending }: Starting): Promise<void> {
  await migrateDatabase({ clock, random, log, life, onLost: lost(ending) }, config);
  log.info("database.migrated");
  ending.end({ kind: "done" });
}

async function raise({ config, log, life, ending }: Starting): Promise<void> {
  const database = await startDatabase({ clock, random, log, life, onLost: lost(ending) }, config);
  log.info("database.epoch-raised", { ...(await database.asSystem(raiseEpoch)) });
  ending.end({ kind: "done" });
}

async function run(starting: Starting): Promise<void> {
  const { config, log, life, ending } = starting;
  const database = await startDatabase({ clock, random, log, life, onLost: lost(ending) }, config);
  const onError = (error: unknown): void => log.warn("purging.failed", { error });
  life.own(startPurging({ database, clock, random, onError }));
  const sealer = await loadSealer(config, database);
  const signing = await loadSigning(database, sealer);
  const { notify: doorbell, trustedProxies } = config;
  const side = startNodeSide(
    { database, signing, sealer, clock, random, ids, log, instance, doorbell, trustedProxies },
    life,
  );
  const server = life.own(await serve(starting, { database, sealer, side }));
  log.info("control.ready", {
    url: server.url,
    pid: process.pid,
    database: config.databaseUrl === undefined ? "embedded" : "external",
  });
  process.send?.({ type: "ready", url: server.url });
}

function lost(ending: EndingWatch): (fault: Fault) => void {
  return (error) => ending.end({ kind: "trouble", error });
}

async function loadSealer(config: ControlConfig, database: Database): Promise<Sealer> {
  const keeper = localKeyKeeper(await fileKeySource(config.masterKeyFile).load());
  const sealer = createSealer(keeper);
  await checkMasterKey(database, sealer, keeper);
  return sealer;
}

interface Serving {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly side: NodeSide;
}

function serve(
  { config, log, ending }: Starting,
  { database, sealer, side }: Serving,
): Promise<HttpServer> {
  const passwords = createPasswords();
  const app = createApp(
    {
      verbs: { database, sealer, clock, ids, passwords, doorbell: config.notify },
      clock,
      log,
      newRequestId: randomUUID,
      trustedProxies: config.trustedProxies,
      limits: defaultHttpLimits,
      readiness: async () => ({
        database: await database.ping(readyMsMax),
        links: !ending.isEnding(),
      }),
    },
    side.agentCalls,
  );
  const { host, port, tls } = config;
  return startHttpServer({
    ...{ host, port, clock },
    ...(tls === undefined ? {} : { tls }),
    fetch: (request, bindings) => app.fetch(request, bindings),
    upgrades: side.links,
  });
}

// Who reads our output may be gone; that must not cut an orderly end short.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
process.exit(await main());
