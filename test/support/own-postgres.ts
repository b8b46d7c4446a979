import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";

import postgres from "postgres";

import { usableBinaries } from "../../control/storage/embedded/binaries.ts";
import { embeddedUser, ensureCluster } from "../../control/storage/embedded/cluster.ts";
import { postgresOsUser } from "../../control/storage/embedded/os-user.ts";
import { migrate } from "../../control/storage/migrate.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A Postgres for one test alone, which may therefore be stopped. */
export interface OwnPostgres {
  /** Migrated, and the same for its whole life. */
  readonly url: string;
  /** A fast shutdown: sessions are cut. Settles when it is down. */
  stop(): Promise<void>;
  /** Settles when it answers. */
  start(): Promise<void>;
}

/** Makes one; it runs. */
export async function ownPostgres(cleanup: Cleanup): Promise<OwnPostgres> {
  const folder = join(await temporaryFolder(cleanup), "data");
  const user = await postgresOsUser();
  const binaries = await usableBinaries(user);
  const password = randomBytes(18).toString("base64url");
  await ensureCluster({ binaries, user, folder, password, noSync: true });
  const port = await freePort();
  const url = `postgres://${embeddedUser}:${password}@127.0.0.1:${port}/postgres`;
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
  const args = [...settings, "fsync=off"].flatMap((setting) => ["-c", setting]);
  let running: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const who = user === undefined ? {} : { uid: user.uid, gid: user.gid };
    running = spawn(binaries.postgres, ["-D", folder, ...args], { ...who, stdio: "ignore" });
    await eventually(() => answers(url), { withinMs: 60_000, everyMs: 50 });
  };
  const stop = async (): Promise<void> => {
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, "close");
    running.kill("SIGINT");
    await ended;
  };
  cleanup(stop);
  await start();
  await migrate(url);
  return { url, start, stop };
}

async function answers(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
