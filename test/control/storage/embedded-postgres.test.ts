import { appendFile, chown, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { getuid, kill } from "node:process";

import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";

import { runProgram } from "../../../control/storage/embedded/run-program.ts";
import { eventually } from "../../support/eventually.ts";
import { childrenOf, isRunning, parentOf } from "../../support/os-processes.ts";
import { startProcess, type RunningProcess } from "../../support/processes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

const nobody: OsUser = { uid: 65_534, gid: 65_534 };
const isRoot = getuid?.() === 0;

/** A process with an embedded Postgres on a folder. */
function start(dataDir: string, user?: OsUser): RunningProcess {
  return startProcess(onTestFinished, {
    name: "embedded postgres",
    command: ["test/support/embedded-postgres-main.ts", dataDir],
    ...(user && { user }),
  });
}

async function ready(running: RunningProcess): Promise<{ url: string; folder: string }> {
  const { url, folder } = await running.ready();
  return { url: String(url), folder: String(folder) };
}

/** Runs one statement. */
async function query(url: string, statement: string): Promise<readonly unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end();
  }
}

async function postmasterPid(folder: string): Promise<number> {
  return Number((await readFile(join(folder, "postmaster.pid"), "utf8")).split("\n")[0]);
}

/** Where a start that must fail ended, and what it said. */
async function failure(dataDir: string): Promise<string> {
  const running = start(dataDir);
  const end = await running.ended;
  expect(end.code).toBe(1);
  return running.output();
}

async function dataFolder(user?: OsUser, mode = 0o755): Promise<string> {
  const outer = await temporaryFolder(onTestFinished, mode);
  if (user !== undefined) await chown(outer, user.uid, user.gid);
  return join(outer, "data");
}

/** Whether an ordinary user can run what lies in this checkout; not in root's home. */
const nobodyCanRun =
  isRoot && (await runProgram(process.execPath, ["--version"], { name: "nobody", ...nobody })).ok;

const users = [
  { who: "as the user who runs the tests", user: undefined },
  ...(nobodyCanRun ? [{ who: "as an ordinary user, started by root", user: nobody }] : []),
];

describe.each(users)("$who", ({ user }) => {
  test("data survives a stop and a start, and nothing stays behind", async () => {
    const dataDir = await dataFolder(user);
    const first = start(dataDir, user);
    const { url, folder } = await ready(first);
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer");
    const pid = await postmasterPid(folder);
    expect((await first.stop()).code).toBe(0);
    expect(isRunning(pid)).toBe(false);
    expect((await stat(join(dataDir, "postgres-password"))).mode & 0o777).toBe(0o600);

    const second = start(dataDir, user);
    expect(await query((await ready(second)).url, "SELECT answer FROM kept")).toEqual([
      { answer: 42 },
    ]);
    expect(second.output()).not.toContain("made a database");
  });

  test("kill -9 ends Postgres as well, and the next start finds all data", async () => {
    const dataDir = await dataFolder(user);
    const first = start(dataDir, user);
    const { url, folder } = await ready(first);
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer");
    const pid = await postmasterPid(folder);
    await first.kill();
    await eventually(() => !isRunning(pid));
    expect(await query((await ready(start(dataDir, user))).url, "SELECT answer FROM kept")).toEqual(
      [{ answer: 42 }],
    );
  });

  test("a start in the moment of a kill -9 waits for the old Postgres", async () => {
    const dataDir = await dataFolder(user);
    const first = start(dataDir, user);
    const { url } = await ready(first);
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer");
    void first.kill();
    await first.ended;
    expect(await query((await ready(start(dataDir, user))).url, "SELECT answer FROM kept")).toEqual(
      [{ answer: 42 }],
    );
  });

  test("a Postgres left over, its keeper killed too, is stopped at the next start", async () => {
    const dataDir = await dataFolder(user);
    const first = start(dataDir, user);
    const { url, folder } = await ready(first);
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer");
    const pid = await postmasterPid(folder);
    const keeper = parentOf(pid);
    for (const watch of childrenOf(keeper).filter((child) => child !== pid)) {
      kill(watch, "SIGKILL");
    }
    kill(keeper, "SIGKILL");
    await first.kill();
    expect(isRunning(pid)).toBe(true);

    const second = start(dataDir, user);
    const again = await ready(second);
    // What it prints comes another way than that it is ready.
    await eventually(() => expect(second.output()).toContain("stopped a Postgres that was left"));
    expect(isRunning(pid)).toBe(false);
    expect(await query(again.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  test("a second process on the folder is refused, naming the first", async () => {
    const dataDir = await dataFolder(user);
    const first = start(dataDir, user);
    const { url } = await ready(first);
    const said = await failure(dataDir);
    expect(said).toContain("storage/data-folder-in-use");
    expect(said).toContain(`(pid ${first.pid})`);
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

if (isRoot) {
  test("as root, a data folder where Postgres' user cannot enter is found again elsewhere", async () => {
    const dataDir = await dataFolder(undefined, 0o700);
    const first = start(dataDir);
    const { url, folder } = await ready(first);
    onTestFinished(() => rm(dirname(folder), { recursive: true, force: true }));
    expect(folder.startsWith("/var/lib/midstream/")).toBe(true);
    await eventually(() => expect(first.output()).toContain(`the database lies in ${folder}`));
    expect((await readFile(join(dataDir, "postgres-folder"), "utf8")).trim()).toBe(folder);
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();
    const second = await ready(start(dataDir));
    expect(second.folder).toBe(folder);
    expect(await query(second.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });
}

if (nobodyCanRun) {
  test("root runs a folder that an ordinary user made, as that user", async () => {
    const dataDir = await dataFolder(nobody);
    const first = start(dataDir, nobody);
    await query((await ready(first)).url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await first.stop();
    const { url, folder } = await ready(start(dataDir));
    expect(await query(url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
    expect((await stat(folder)).uid).toBe(nobody.uid);
  });
}

test("only who knows the password gets in", async () => {
  const dataDir = await dataFolder();
  const { url } = await ready(start(dataDir));
  const guess = url.replace(/midstream:[^@]*@/, "midstream:guess@");
  await expect(query(guess, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
});

test("a folder of another major version is left alone, with what to do", async () => {
  const dataDir = await dataFolder();
  await mkdir(join(dataDir, "postgres"), { recursive: true });
  await writeFile(join(dataDir, "postgres", "PG_VERSION"), "14\n");
  const said = await failure(dataDir);
  expect(said).toContain("storage/other-postgres-version");
  expect(said).toMatch(/was made by Postgres 14, this program brings Postgres 18/);
});

test("a Postgres that does not start says the end of its log, and leaves no lock", async () => {
  const dataDir = await dataFolder();
  const first = start(dataDir);
  const { folder } = await ready(first);
  await first.stop();
  await appendFile(join(folder, "postgresql.conf"), "no_such_setting = on\n");
  for (const _ of [1, 2]) {
    const said = await failure(dataDir);
    expect(said).toContain("storage/postgres-did-not-start");
    expect(said).toContain("no_such_setting");
    expect(said).toContain("choose another --data");
  }
});

test("a lost password is said by name", async () => {
  const dataDir = await dataFolder();
  await mkdir(join(dataDir, "postgres-password"), { recursive: true });
  expect(await failure(dataDir)).toContain(join(dataDir, "postgres-password"));
});

test("a data folder that cannot be made is said by name", async () => {
  const outer = await temporaryFolder(onTestFinished);
  await writeFile(join(outer, "file"), "");
  const said = await failure(join(outer, "file", "data"));
  expect(said).toContain("storage/data-folder-unusable");
  expect(said).toContain(join(outer, "file", "data"));
});

test("a Postgres that ends by itself is told", async () => {
  const dataDir = await dataFolder();
  const running = start(dataDir);
  const { folder } = await ready(running);
  kill(await postmasterPid(folder), "SIGKILL");
  const told = await running.message("exit");
  expect(told["message"]).toContain("ended by itself");
});

test("signals meant for all processes of a service leave its Postgres alone", async () => {
  const dataDir = await dataFolder();
  const { url, folder } = await ready(start(dataDir));
  const keeper = parentOf(await postmasterPid(folder));
  for (const process of [keeper, ...childrenOf(keeper)]) {
    if (process === (await postmasterPid(folder))) continue;
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) kill(process, signal);
  }
  expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  expect(isRunning(keeper)).toBe(true);
});
