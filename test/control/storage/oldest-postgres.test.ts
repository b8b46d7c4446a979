import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";

import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";

import { systemClock } from "#shared/base/clock.ts";

import { postgresOsUser } from "../../../control/storage/embedded/os-user.ts";
import { migrate } from "../../../control/storage/migrate.ts";
import { createPostgresDatabase } from "../../../control/storage/postgres-database.ts";
import { createBalancer } from "../../../control/verbs/balancer/create.ts";
import { updateBalancer } from "../../../control/verbs/balancer/update.ts";
import { diffRevisions } from "../../../control/verbs/revision/diff.ts";
import { rollbackRevision } from "../../../control/verbs/revision/rollback.ts";
import { newActor, verbDeps } from "../../support/actors.ts";
import { balancerInput } from "../../support/balancers.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { findProgram, outputOf } from "../../support/run-command.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** Where Debian's package puts it. */
const programs = "/usr/lib/postgresql/15/bin";
const found = await findProgram(join(programs, "postgres"));

/** A cluster whose superuser has made a database and an owner for it who is none. */
async function postgres15(): Promise<string> {
  const folder = join(await temporaryFolder(onTestFinished), "data");
  const port = await freePort();
  const os = await postgresOsUser();
  const user = os === undefined ? {} : { user: os };
  await mkdir(folder);
  if (os !== undefined) await chown(folder, os.uid, os.gid);
  const initdb = [
    join(programs, "initdb"),
    "-D",
    folder,
    "-A",
    "trust",
    "-U",
    "super",
    "--no-sync",
  ];
  await outputOf(initdb, { ...user, workingFolder: "/" });
  const settings = [`port=${port}`, "unix_socket_directories=", "fsync=off"];
  const args = settings.flatMap((setting) => ["-c", setting]);
  const who = os === undefined ? {} : { uid: os.uid, gid: os.gid };
  const child = spawn(join(programs, "postgres"), ["-D", folder, ...args], {
    ...who,
    stdio: "ignore",
    cwd: "/",
  });
  onTestFinished(async () => {
    const ended = once(child, "close");
    child.kill("SIGQUIT");
    await ended;
  });
  const admin = postgres(`postgres://super@127.0.0.1:${port}/postgres`, { max: 1 });
  await eventually(() => admin`SELECT 1`, { everyMs: 50 });
  await admin.unsafe("CREATE ROLE owner LOGIN CREATEROLE");
  await admin.unsafe("CREATE DATABASE midstream OWNER owner");
  await admin.end();
  return `postgres://owner@127.0.0.1:${port}/midstream`;
}

describe.skipIf(found === undefined)("on Postgres 15 (needs Debian's postgresql-15)", () => {
  test("an owner who may make roles migrates, and everything works", async () => {
    const url = await postgres15();
    await migrate(url);
    const database = createPostgresDatabase({ url, clock: systemClock(), random: Math.random });
    onTestFinished(() => database.stop());
    const deps = verbDeps({ database });
    const actor = await newActor({ database });
    const created = await createBalancer(deps, actor, {
      definition: balancerInput(),
      dryRun: false,
    });
    if (created.kind !== "created") throw new Error(created.kind);
    const { id } = created.balancer;
    const definition = balancerInput({ strategy: "leastconn" });
    const updated = await updateBalancer(deps, actor, {
      id,
      definition,
      expected: "any",
      dryRun: false,
    });
    expect(updated.kind).toBe("updated");
    expect(await rollbackRevision(deps, actor, { rev: 1, dryRun: false })).toMatchObject({
      kind: "rolled-back",
      revision: { rev: 3 },
    });
    expect(await diffRevisions(deps, actor, { from: 0, to: 3 })).toMatchObject({
      balancers: [{ balancer: id, change: "added" }],
    });
  });
});
