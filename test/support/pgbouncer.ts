import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";

import postgres from "postgres";

import { postgresOsUser } from "../../control/storage/embedded/os-user.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import type { Cleanup } from "./processes.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Puts a PgBouncer with two server connections in front of a database; gives the URL through it. */
export async function pgBouncer(cleanup: Cleanup, program: string, url: string): Promise<string> {
  const { username, password, hostname, port: target, pathname } = new URL(url);
  const folder = await temporaryFolder(cleanup);
  const config = join(folder, "pgbouncer.ini");
  const port = await freePort();
  const at = `host=${hostname} port=${target} dbname=${pathname.slice(1)}`;
  await writeFile(
    config,
    [
      "[databases]",
      `* = ${at} user=${username} password=${password}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = any",
      "pool_mode = transaction",
      "default_pool_size = 2",
      "max_client_conn = 100",
    ].join("\n"),
  );
  const user = await postgresOsUser();
  if (user !== undefined) await chown(config, user.uid, user.gid);
  const who = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const child = spawn(program, ["-q", config], { ...who, stdio: "ignore" });
  cleanup(async () => {
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  });
  const through = `postgres://${username}@127.0.0.1:${port}${pathname}`;
  await eventually(() => answers(through));
  return through;
}

async function answers(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, prepare: false, connect_timeout: 2 });
  try {
    await sql.unsafe("SELECT 1");
  } finally {
    await sql.end({ timeout: 1 });
  }
}
