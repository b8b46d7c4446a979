import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { startControl } from "../support/control-process.ts";
import { simpleBalancer } from "../support/definitions.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { ownPostgres } from "../support/own-postgres.ts";
import { testDatabase, type TestDatabase } from "../support/postgres.ts";
import { startProcess, type ProcessEnd, type RunningProcess } from "../support/processes.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { signUp, tenantWith } from "../support/tenant-api.ts";
import { testCertificate } from "../support/test-certificates.ts";

/** The control plane as a process of its own. */

// Several starts in one test, on a host that may be busy: a bound against hanging.
vi.setConfig({ testTimeout: 120_000 });

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

async function database(): Promise<TestDatabase> {
  const db = await testDatabase();
  onTestFinished(() => db.stop());
  return db;
}

/** One that is not waited for. */
async function run(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<RunningProcess> {
  const folder = await temporaryFolder(onTestFinished);
  const command = ["control/main.ts", ...args, "--data", join(folder, "control")];
  return startProcess(onTestFinished, { name: "control", command, environment });
}

/** Asks it to end, and waits however long that takes. */
function endOf(process: RunningProcess): Promise<ProcessEnd> {
  process.signal("SIGTERM");
  return process.ended;
}

function linesOf(process: RunningProcess): readonly LogLine[] {
  return process
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}

describe("starting", () => {
  test("tells its parent and its log the address, once it serves", async () => {
    const db = await database();
    const control = await startControl(onTestFinished, { databaseUrl: db.url });
    expect((await fetch(`${control.url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${control.url}/readyz`)).json()).toEqual({
      status: "ready",
      checks: { database: true, links: true },
    });
    await eventually(() => {
      const ready = linesOf(control.process).filter(({ event }) => event === "control.ready");
      expect(ready).toMatchObject([{ level: "info", url: control.url, database: "external" }]);
    });
  });

  test("everything wrong with its options is told on stderr, and the code is 2", async () => {
    const control = await run(["--port", "x", "--log-level", "loud"]);
    expect(await control.ended).toEqual({ code: 2, signal: null });
    expect(control.output()).toContain("--port x");
    expect(control.output()).toContain("--log-level loud");
  });

  test("--help is told on stdout, and the code is 0", async () => {
    const control = await run(["run", "--help"]);
    expect(await control.ended).toEqual({ code: 0, signal: null });
    expect(control.output()).toContain("--trusted-proxy");
  });

  test("a taken port is named with how to choose another, and the code is 1", async () => {
    const db = await database();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const control = await run(["--port", String(port)], { DATABASE_URL: db.url });
    expect(await control.ended).toEqual({ code: 1, signal: null });
    expect(control.output()).toContain(`127.0.0.1:${port} is taken`);
    expect(control.output()).toContain("--port");
  });

  test("a database without its schema is told with how to get it, and the code is 1", async () => {
    const db = await database();
    const control = await run(["--port", "0"], {
      DATABASE_URL: db.url.replace(/\/[^/]*$/, "/postgres"),
    });
    expect(await control.ended).toEqual({ code: 1, signal: null });
    expect(control.output()).toContain("npm run control -- migrate");
  });

  test("a database that is away is waited for", async () => {
    const postgres = await ownPostgres(onTestFinished);
    await postgres.stop();
    const control = await run(["--port", "0"], { DATABASE_URL: postgres.url });
    await eventually(() => linesOf(control).some(({ event }) => event === "database.awaited"));
    await postgres.start();
    const { url } = await control.ready();
    expect((await fetch(`${String(url)}/readyz`)).status).toBe(200);
  });

  test("migrate brings an empty database to the schema, as often as it is asked", async () => {
    const postgres = await ownPostgres(onTestFinished);
    for (let time = 0; time < 2; time += 1) {
      const migrating = startProcess(onTestFinished, {
        name: "migrate",
        command: ["control/main.ts", "migrate"],
        environment: { DATABASE_URL: postgres.url },
      });
      expect(await migrating.ended).toEqual({ code: 0, signal: null });
    }
  });
});

describe("with an embedded Postgres", () => {
  test("migrate makes it, and stops it again", async () => {
    const migrating = await run(["migrate"]);
    expect(await migrating.ended).toEqual({ code: 0, signal: null });
    expect(linesOf(migrating).map(({ event }) => event)).toEqual([
      "database.notice",
      "database.migrated",
      "control.stopped",
    ]);
  });

  test("it finds its tenants again after a restart, and after kill -9", async () => {
    const first = await startControl(onTestFinished);
    const tenant = await signUp(first.url);
    await tenant.demand("POST", "/v1/balancers", { body: simpleBalancer("web") });
    expect(await endOf(first.process)).toEqual({ code: 0, signal: null });
    const second = await first.startAgain();
    expect(await tenant.demand("GET", "/v1/me")).toMatchObject({ tenant: { revision: 1 } });
    await second.process.kill();
    const third = await second.startAgain();
    expect(await tenant.demand("GET", "/v1/me")).toMatchObject({ tenant: { revision: 1 } });
    expect(await endOf(third.process)).toEqual({ code: 0, signal: null });
  });

  test("its master key is made once and readable by its owner only", async () => {
    const control = await startControl(onTestFinished);
    expect(await readdir(control.dataFolder)).toContain("master-key");
    const key = await readFile(join(control.dataFolder, "master-key"), "utf8");
    await endOf(control.process);
    expect(key).toMatch(/^[0-9a-f]{64}\n$/);
    expect(control.process.output()).not.toContain(key.trim());
  });
});

test("the log holds no secret: no password, key, token, credential of a definition, or body", async () => {
  const db = await database();
  const control = await startControl(onTestFinished, {
    databaseUrl: db.url,
    args: ["--log-level", "debug"],
  });
  const password = "correct horse battery";
  const account = { email: "quiet@example.com", password };
  const post = (path: string, body: string) =>
    fetch(control.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
  const signedUp = await post("/v1/signup", JSON.stringify({ tenant: "Quiet", ...account }));
  const { tenant, apiKey } = (await signedUp.json()) as {
    tenant: { id: string };
    apiKey: { secret: string };
  };
  const loggedIn = await post("/v1/sessions", JSON.stringify(account));
  const { session } = (await loggedIn.json()) as { session: { secret: string } };
  await post("/v1/sessions", JSON.stringify({ ...account, password: "wrong horse battery" }));
  await post("/v1/signup", `{"password":"${password}`);
  const caller = tenantWith(control.url, tenant.id, apiKey.secret);
  const token = await caller.demand<{ token: string }>("POST", "/v1/join-tokens");
  const key = await caller.demand<{ secret: string }>("POST", "/v1/api-keys", {
    body: { name: "k", scopes: ["read"] },
  });
  await caller.demand("POST", "/v1/balancers", {
    body: {
      ...simpleBalancer("web"),
      discovery: {
        kind: "consul",
        host: "127.0.0.1:8500",
        serviceName: "web",
        aclToken: "acl-1234",
      },
    },
  });
  await tenantWith(control.url, tenant.id, "msk_unknown-secret").call("GET", "/v1/me");
  await caller.call("GET", "/v1/nodes?secret=in-a-query");
  await endOf(control.process);
  const output = control.process.output();
  expect(linesOf(control.process).length).toBeGreaterThan(10);
  for (const secret of [
    ...[password, "wrong horse", apiKey.secret, session.secret, token.token, key.secret],
    ...["acl-1234", "msk_unknown-secret", "in-a-query", "quiet@example.com", db.url],
  ]) {
    expect(output).not.toContain(secret);
  }
});

describe("ending", () => {
  test.for(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s ends it in order: 0", async (signal) => {
    const db = await database();
    const control = await startControl(onTestFinished, { databaseUrl: db.url });
    control.process.signal(signal);
    expect(await control.process.ended).toEqual({ code: 0, signal: null });
    expect(linesOf(control.process).at(-1)).toMatchObject({ event: "control.stopped", late: [] });
  });

  test("the end of its parent ends it", async () => {
    const db = await database();
    const control = await startControl(onTestFinished, { databaseUrl: db.url });
    control.process.disconnect();
    expect(await control.process.ended).toEqual({ code: 0, signal: null });
  });

  test("a request at work is answered first", async () => {
    const db = await database();
    const control = await startControl(onTestFinished, { databaseUrl: db.url });
    const tenant = await signUp(control.url);
    await db.sql`
      INSERT INTO nodes (tenant_id, id, group_id, hostname, signing_key, receiving_key, agent)
      SELECT ${tenant.id}, 'nod_01m82za364yt49jcawxdj1b054', id, 'host', 'a', 'b', 'test'
      FROM groups WHERE tenant_id = ${tenant.id}`;
    await db.sql`
      INSERT INTO node_status (tenant_id, node_id, connected, last_seen_at)
      VALUES (${tenant.id}, 'nod_01m82za364yt49jcawxdj1b054', true, now())`;
    const write = tenant.call<{ receipt: unknown }>("POST", "/v1/balancers", {
      body: simpleBalancer("web"),
      headers: { prefer: "wait=1" },
    });
    await eventually(async () => {
      const [row] = await db.sql`SELECT 1 FROM revisions WHERE tenant_id = ${tenant.id}`;
      return row !== undefined;
    });
    control.process.signal("SIGTERM");
    const answer = await write;
    expect(answer.status).toBe(201);
    expect(answer.body.receipt).toMatchObject({ nodes: { waiting: 1 } });
    expect(await control.process.ended).toEqual({ code: 0, signal: null });
  });

  test("a second SIGTERM ends it at once", async () => {
    const db = await database();
    const control = await startControl(onTestFinished, { databaseUrl: db.url });
    const tenant = await signUp(control.url);
    const locked = db.sql.begin(async (tx) => {
      await tx`SELECT 1 FROM tenants WHERE id = ${tenant.id} FOR UPDATE`;
      const call = tenant.call("POST", "/v1/balancers", { body: simpleBalancer("web") });
      const write = call.then(() => "answered").catch(() => "cut");
      await eventually(async () => {
        const [row] = await db.sql`SELECT 1 FROM pg_locks WHERE NOT granted`;
        return row !== undefined;
      });
      control.process.signal("SIGTERM");
      await eventually(() => control.process.output().includes("control.ending"));
      control.process.signal("SIGTERM");
      expect(await control.process.ended).toEqual({ code: 1, signal: null });
      expect(await write).toBe("cut");
    });
    await locked;
  });

  test("a signal ends it while it waits for its database", async () => {
    const url = `postgres://nobody:secret@127.0.0.1:${await freePort()}/none`;
    const control = await run(["--port", "0"], { DATABASE_URL: url });
    await eventually(() => control.output().includes("database.awaited"));
    control.signal("SIGTERM");
    expect(await control.ended).toEqual({ code: 0, signal: null });
    expect(control.output()).not.toContain("secret");
  });
});

test("with a certificate it speaks HTTPS, TLS 1.2 and up, and nothing else", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  await writeFile(cert, testCertificate.cert);
  await writeFile(key, testCertificate.key);
  const db = await database();
  const control = await startControl(onTestFinished, {
    databaseUrl: db.url,
    args: ["--tls-cert", cert, "--tls-key", key],
  });
  expect(control.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(await httpsStatus(control.url, {})).toBe(200);
  await expect(httpsStatus(control.url, { maxVersion: "TLSv1.1" })).rejects.toThrow();
  await expect(fetch(control.url.replace("https", "http"))).rejects.toThrow("fetch failed");
});

function httpsStatus(url: string, options: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(`${url}/healthz`, { ca: testCertificate.cert, ...options }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.once("error", reject);
    call.end();
  });
}
