import { writeFile } from "node:fs/promises";
import path from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { readConfig, type ControlConfig } from "../../control/config.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  otherTestCertificate,
  testCertificate,
  type TestCertificate,
} from "../support/test-certificates.ts";

function configOf(argv: string[], environment: Record<string, string> = {}): ControlConfig {
  const command = readConfig(argv, environment);
  if (command.kind !== "run") throw new Error(`not run but ${JSON.stringify(command)}`);
  return command.config;
}

function problemsOf(argv: string[], environment: Record<string, string> = {}): readonly string[] {
  const command = readConfig(argv, environment);
  if (command.kind !== "invalid") throw new Error(`not invalid but ${command.kind}`);
  return command.problems;
}

test("without arguments it listens on loopback, with an embedded Postgres below the folder", () => {
  expect(configOf([])).toEqual({
    host: "127.0.0.1",
    port: 8080,
    trustedProxies: [],
    dataDir: path.resolve(".midstream/control"),
    masterKeyFile: path.resolve(".midstream/control/master-key"),
    logLevel: "info",
    notify: true,
  });
});

test("every option is read, with and without the word run", () => {
  const options = [
    ...["--port", "9000", "--host", "::", "--data", "/tmp/data", "--log-level", "debug"],
    ...["--trusted-proxy", "10.0.0.0/8", "fd00::/8", "--master-key-file", "/tmp/key"],
    "--no-notify",
  ];
  const wanted = {
    host: "::",
    port: 9000,
    trustedProxies: ["10.0.0.0/8", "fd00::/8"],
    dataDir: "/tmp/data",
    masterKeyFile: "/tmp/key",
    logLevel: "debug",
    notify: false,
  };
  expect(configOf(options)).toEqual(wanted);
  expect(configOf(["run", ...options])).toEqual(wanted);
});

test("every option has a variable, and the command line wins over it", () => {
  const environment = {
    DATABASE_URL: "postgres://somebody:secret@db:5432/midstream",
    MIDSTREAM_PORT: "9000",
    MIDSTREAM_HOST: "0.0.0.0",
    MIDSTREAM_DATA: "/tmp/data",
    MIDSTREAM_TRUSTED_PROXIES: "10.0.0.0/8, 192.168.0.0/16",
    MIDSTREAM_MASTER_KEY_FILE: "/tmp/key",
    MIDSTREAM_LOG_LEVEL: "warn",
    MIDSTREAM_NOTIFY: "off",
  };
  expect(configOf([], environment)).toEqual({
    host: "0.0.0.0",
    port: 9000,
    databaseUrl: "postgres://somebody:secret@db:5432/midstream",
    trustedProxies: ["10.0.0.0/8", "192.168.0.0/16"],
    dataDir: "/tmp/data",
    masterKeyFile: "/tmp/key",
    logLevel: "warn",
    notify: false,
  });
  expect(configOf(["--port", "9001"], environment).port).toBe(9001);
});

test("raise-epoch is a command of its own", () => {
  expect(readConfig(["raise-epoch", "--data", "/tmp/data"], {})).toMatchObject({
    kind: "raise-epoch",
    config: { dataDir: "/tmp/data" },
  });
});

test("migrate is a command of its own", () => {
  expect(readConfig(["migrate", "--data", "/tmp/data"], {})).toMatchObject({
    kind: "migrate",
    config: { dataDir: "/tmp/data" },
  });
});

test("everything that is wrong is named at once, and the database's password is not", () => {
  const argv = [
    ...["--port", "70000", "--host", "nowhere!", "--trusted-proxy", "10.0.0.5"],
    ...["--log-level", "loud", "--tls-cert", "/nowhere/cert.pem", "--surprise", "word"],
  ];
  const problems = problemsOf(argv, {
    DATABASE_URL: "mysql://a:secret@db/x",
    MIDSTREAM_NOTIFY: "no",
  });
  for (const start of [
    "--port 70000",
    "--host nowhere!",
    "--trusted-proxy 10.0.0.5",
    "--log-level loud",
    "--tls-cert and --tls-key",
    "--surprise",
    "word",
    "DATABASE_URL",
    "MIDSTREAM_NOTIFY no",
  ]) {
    expect(problems.filter((problem) => problem.startsWith(start))).toHaveLength(1);
  }
  expect(problems).toHaveLength(9);
  expect(problems.join()).not.toContain("secret");
});

test("an option without its value is a problem, not a default", () => {
  expect(problemsOf(["--port"])).toEqual(["option '--port <number>' argument missing"]);
});

test("--help is not a problem", () => {
  const help = readConfig(["run", "--help"], {});
  expect(help.kind === "help" ? help.text : "").toContain("--tls-cert");
});

test("a certificate and a key that do not belong together are refused before anything starts", async () => {
  const folder = await temporaryFolder(onTestFinished);
  const one = await written(folder, "one", testCertificate);
  const other = await written(folder, "other", otherTestCertificate);
  expect(configOf(["--tls-cert", one.cert, "--tls-key", one.key]).tls?.cert).toContain(
    "BEGIN CERT",
  );
  const problems = problemsOf(["--tls-cert", one.cert, "--tls-key", other.key]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain("key values mismatch");
});

async function written(folder: string, name: string, { cert, key }: TestCertificate) {
  const files = { cert: path.join(folder, `${name}.crt`), key: path.join(folder, `${name}.key`) };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  return files;
}
