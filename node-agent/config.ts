import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join, resolve } from "node:path";

import { parseDurationMs } from "#shared/base/duration.ts";
import { errorText } from "#shared/base/fault.ts";
import { agentWorkersMax, drainMsDefault, durationMsMax } from "#shared/base/limits.ts";

import { parseLine, type Options } from "./cli/command-line.ts";
import { readControlUrl } from "./control-link/control-url.ts";
import { logLevels, type LogLevel } from "./runtime/log-level.ts";

/** What `join` was told, checked. */
export interface JoinConfig {
  readonly control: URL;
  readonly token: string;
  readonly dataFolder: string;
  readonly labels: Readonly<Record<string, string>>;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
}

/** What `run` was told, checked. */
export interface RunConfig {
  readonly dataFolder: string;
  /** Undefined: as many as suit the host. */
  readonly workers: number | undefined;
  /** Undefined: no status port. Port 0 lets the system choose. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** Undefined: `policy.json` in the data folder, if it is there. */
  readonly policyFile: string | undefined;
  /** Allows plain http to a control plane that is not on this host. */
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
  readonly drainMs: number;
  readonly ca: string | undefined;
}

/** What the command line asks for. */
export type AgentCommand =
  | { readonly kind: "join"; readonly config: JoinConfig }
  | { readonly kind: "run"; readonly config: RunConfig }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/**
 * Keeps the compiled form of everything that is loaded from now on, also by worker threads, in the
 * data folder: loading and compiling is most of what a start takes. A folder that cannot be written
 * only costs that time again. Threads learn of it through the environment, hence it stands here.
 */
export function keepCompiledCode(dataFolder: string): void {
  const folder = join(dataFolder, "compiled");
  enableCompileCache(folder);
  process.env["NODE_COMPILE_CACHE"] = folder;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the command line and the environment; the command line wins. This is the only place of the
 * agent that does. All problems come at once.
 */
export function readConfig(
  argv: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
): AgentCommand {
  const line = parseLine(argv);
  if (line.kind === "help" || line.kind === "invalid") return line;
  const read = new SettingsReader(line.options, environment);
  for (const word of line.excess) read.problem(`${word}: not known`);
  return line.kind === "join" ? joinCommand(read) : runCommand(read);
}

function joinCommand(read: SettingsReader): AgentCommand {
  const config = {
    control: read.control(),
    token: read.token(),
    dataFolder: read.dataFolder(),
    labels: read.labels(),
    ca: read.file("ca"),
  };
  const { control, token } = config;
  if (read.problems.length > 0 || control === undefined || token === undefined) {
    return { kind: "invalid", problems: read.problems };
  }
  return { kind: "join", config: { ...config, control, token } };
}

function runCommand(read: SettingsReader): AgentCommand {
  read.relay();
  const config: RunConfig = {
    dataFolder: read.dataFolder(),
    workers: read.workers(),
    admin: read.admin(),
    policyFile: read.path("policy"),
    insecure: read.flag("insecure"),
    logLevel: read.logLevel(),
    drainMs: read.drainMs(),
    ca: read.file("ca"),
  };
  return read.problems.length > 0
    ? { kind: "invalid", problems: read.problems }
    : { kind: "run", config };
}

const adminDefault = "127.0.0.1:9901";

/** Collects what is wrong while it reads, so that one run names everything. */
class SettingsReader {
  readonly problems: string[] = [];
  readonly #options: Options;
  readonly #environment: Environment;

  constructor(options: Options, environment: Environment) {
    this.#options = options;
    this.#environment = environment;
  }

  problem(text: string): undefined {
    this.problems.push(text);
    return undefined;
  }

  flag(option: string): boolean {
    return this.#options[option] === true;
  }

  path(option: string): string | undefined {
    const given = this.#text(option);
    return given === undefined ? undefined : resolve(given);
  }

  dataFolder(): string {
    const folder = this.path("data");
    if (folder === undefined) this.problem("--data: give the node's folder");
    return folder ?? "";
  }

  /** The content of a file that was named. */
  file(option: string): string | undefined {
    const path = this.path(option);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      return this.problem(`--${option}: ${path} cannot be read: ${errorText(error)}`);
    }
  }

  control(): URL | undefined {
    const given = this.#text("control");
    if (given === undefined) return this.problem("--control: give the control plane's address");
    const read = readControlUrl(given, this.flag("insecure"));
    return read.ok ? read.url : this.problem(`--control: ${controlUrlTexts[read.problem]}`);
  }

  token(): string | undefined {
    const [inline, file] = [this.#text("token"), this.file("token-file")];
    if (inline !== undefined && this.#text("token-file") !== undefined) {
      return this.problem("--token, --token-file: give one of them");
    }
    const token = (inline ?? file ?? this.#environment["MIDSTREAM_JOIN_TOKEN"] ?? "").trim();
    if (token !== "") return token;
    return this.problem(
      "--token-file: give a join token, in a file, in MIDSTREAM_JOIN_TOKEN or with --token",
    );
  }

  labels(): Readonly<Record<string, string>> {
    const given = this.#options["label"];
    const pairs = (Array.isArray(given) ? given : []).map(String).map((text) => {
      const at = text.indexOf("=");
      const [key, value] = [text.slice(0, at), text.slice(at + 1)];
      const fits = at > 0 && key.length <= 63 && value.length <= 255;
      if (!fits) this.problem(`--label: ${text} is not key=value (63 and 255 characters at most)`);
      return [key, value] as const;
    });
    return Object.fromEntries(pairs);
  }

  workers(): number | undefined {
    const given = this.#text("workers");
    if (given === undefined) return undefined;
    const count = Number(given);
    const fits = Number.isInteger(count) && count >= 1 && count <= agentWorkersMax;
    return fits
      ? count
      : this.problem(`--workers: ${given} is not a number from 1 to ${agentWorkersMax}`);
  }

  relay(): void {
    const given = this.#text("relay") ?? "portable";
    if (given === "portable") return;
    const why =
      given === "native"
        ? "the native engine is not in this build; use --relay portable"
        : `${given} is not an engine; there is portable`;
    this.problem(`--relay: ${why}`);
  }

  admin(): RunConfig["admin"] {
    const given = this.#text("admin") ?? adminDefault;
    if (given === "off") return undefined;
    const groups = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+)):(?<port>\d{1,5})$/.exec(given)?.groups;
    const host = groups?.["v6"] ?? groups?.["host"];
    const port = Number(groups?.["port"]);
    if (host !== undefined && port <= 65_535) return { host, port };
    return this.problem(`--admin: ${given} is not HOST:PORT, [ADDRESS]:PORT or off`);
  }

  logLevel(): LogLevel {
    const given = this.#text("log-level") ?? this.#environment["MIDSTREAM_LOG_LEVEL"] ?? "info";
    const level = logLevels.find((known) => known === given);
    if (level !== undefined) return level;
    this.problem(`--log-level: ${given} is none of ${logLevels.join(", ")}`);
    return "info";
  }

  drainMs(): number {
    const given = this.#text("drain-timeout");
    if (given === undefined) return drainMsDefault;
    const ms = parseDurationMs(given);
    if (ms !== undefined && ms <= durationMsMax) return ms;
    this.problem(`--drain-timeout: ${given} is not a duration like 30s or 1m30s`);
    return drainMsDefault;
  }

  /** An empty text counts as not given. */
  #text(option: string): string | undefined {
    const given = this.#options[camelCase(option)];
    return typeof given === "string" && given !== "" ? given : undefined;
  }
}

const controlUrlTexts = {
  "not-a-url": "is not an address like https://control.example",
  "not-http": "has to begin with https:// (or http:// on this host)",
  "has-extras": "takes no name, password, query or fragment",
  insecure:
    "plain http to another host can be read on the way; use https, or allow it with --insecure",
} as const;

/** As commander names an option in its results. */
function camelCase(option: string): string {
  return option.replaceAll(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
}
