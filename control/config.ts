import { readFileSync } from "node:fs";
import path from "node:path";
import { createSecureContext } from "node:tls";

import ipaddr from "ipaddr.js";

import { readCommandLine, type GivenOptions } from "./command-line.ts";
import { logLevels, type LogLevel } from "./log.ts";

/** Certificate chain and private key in PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** What the control plane was told by its command line and environment, checked. */
export interface ControlConfig {
  readonly host: string;
  /** 0 lets the system choose; the ready line says what it chose. */
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: TlsMaterial;
  /** Peers, as CIDR, whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Absent: an embedded Postgres keeps its files in `dataDir`. */
  readonly databaseUrl?: string;
  readonly dataDir: string;
  readonly masterKeyFile: string;
  readonly logLevel: LogLevel;
  /** Whether commits ring the doorbell; without it nodes hear of a change by the sweep. */
  readonly notify: boolean;
}

/** What the command line asks for. */
export type ControlCommand =
  | { readonly kind: "run"; readonly config: ControlConfig }
  | { readonly kind: "migrate" | "raise-epoch"; readonly config: ControlConfig }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the command line and the environment; the command line wins. This is the only place of the
 * control plane that does. All problems come at once.
 */
export function readConfig(
  argv: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
): ControlCommand {
  const line = readCommandLine(argv);
  if (line.kind === "help" || line.kind === "invalid") return line;
  const read = new SettingsReader(line.options, environment);
  const config = checkedConfig(read);
  const problems = [...line.excess.map((word) => `${word}: not known`), ...read.problems];
  return problems.length > 0 ? { kind: "invalid", problems } : { kind: line.kind, config };
}

/** Collects what is wrong while it reads, so that one run names everything. */
class SettingsReader {
  readonly problems: string[] = [];
  readonly #options: GivenOptions;
  readonly #environment: Environment;

  constructor(options: GivenOptions, environment: Environment) {
    this.#options = options;
    this.#environment = environment;
  }

  /** The option, else the variable, else undefined; an empty text counts as not set. */
  text(option: string, variable: string): string | undefined {
    const given = this.#options[option];
    return typeof given === "string" && given !== "" ? given : this.variable(variable);
  }

  variable(name: string): string | undefined {
    const value = this.#environment[name];
    return value === "" ? undefined : value;
  }

  list(option: string, variable: string): readonly string[] {
    const given = this.#options[option];
    if (Array.isArray(given)) return given.map(String);
    return (this.variable(variable) ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  flag(option: string): boolean {
    return this.#options[option] !== false;
  }

  wrong(problem: string): void {
    this.problems.push(problem);
  }
}

function checkedConfig(read: SettingsReader): ControlConfig {
  const dataDir = path.resolve(read.text("data", "MIDSTREAM_DATA") ?? ".midstream/control");
  const masterKeyFile = read.text("masterKeyFile", "MIDSTREAM_MASTER_KEY_FILE");
  const tls = tlsOf(read);
  const databaseUrl = databaseUrlOf(read);
  return {
    host: hostOf(read),
    port: portOf(read),
    ...(tls === undefined ? {} : { tls }),
    trustedProxies: trustedProxiesOf(read),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    dataDir,
    masterKeyFile: path.resolve(masterKeyFile ?? path.join(dataDir, "master-key")),
    logLevel: logLevelOf(read),
    notify: notifyOf(read),
  };
}

function hostOf(read: SettingsReader): string {
  const text = read.text("host", "MIDSTREAM_HOST") ?? "127.0.0.1";
  const host = text.replace(/^\[(.*)\]$/, "$1");
  if (host !== "localhost" && !ipaddr.isValid(host)) {
    read.wrong(`--host ${text}: an IP address or "localhost" is wanted, such as 0.0.0.0`);
  }
  return host;
}

function portOf(read: SettingsReader): number {
  const text = read.text("port", "MIDSTREAM_PORT") ?? "8080";
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  read.wrong(`--port ${text}: a number from 0 to 65535 is wanted`);
  return 0;
}

function trustedProxiesOf(read: SettingsReader): readonly string[] {
  const proxies = read.list("trustedProxy", "MIDSTREAM_TRUSTED_PROXIES");
  for (const proxy of proxies.filter((text) => !ipaddr.isValidCIDR(text))) {
    read.wrong(`--trusted-proxy ${proxy}: a network is wanted, such as 10.0.0.0/8 or 10.0.0.5/32`);
  }
  return proxies;
}

function logLevelOf(read: SettingsReader): LogLevel {
  const text = read.text("logLevel", "MIDSTREAM_LOG_LEVEL") ?? "info";
  const level = logLevels.find((known) => known === text);
  if (level === undefined) read.wrong(`--log-level ${text}: one of ${logLevels.join(", ")}`);
  return level ?? "info";
}

function notifyOf(read: SettingsReader): boolean {
  const text = read.variable("MIDSTREAM_NOTIFY") ?? "on";
  if (text !== "on" && text !== "off") read.wrong(`MIDSTREAM_NOTIFY ${text}: "on" or "off"`);
  return read.flag("notify") && text !== "off";
}

/** The URL itself is never repeated: it holds a password. */
function databaseUrlOf(read: SettingsReader): string | undefined {
  const text = read.variable("DATABASE_URL");
  if (text === undefined) return undefined;
  const protocol = URL.parse(text)?.protocol;
  if (protocol !== "postgres:" && protocol !== "postgresql:") {
    read.wrong("DATABASE_URL: a URL is wanted, such as postgres://user:password@host:5432/name");
  }
  return text;
}

function tlsOf(read: SettingsReader): TlsMaterial | undefined {
  const certFile = read.text("tlsCert", "MIDSTREAM_TLS_CERT");
  const keyFile = read.text("tlsKey", "MIDSTREAM_TLS_KEY");
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    read.wrong("--tls-cert and --tls-key: one needs the other");
    return undefined;
  }
  const cert = fileText(read, "--tls-cert", certFile);
  const key = fileText(read, "--tls-key", keyFile);
  if (cert === undefined || key === undefined) return undefined;
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    read.wrong(`--tls-cert ${certFile}, --tls-key ${keyFile}: ${reasonOf(error)}`);
  }
  return { cert, key };
}

function fileText(read: SettingsReader, option: string, file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    read.wrong(`${option} ${file}: ${reasonOf(error)}`);
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
