import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { parseDurationMs } from "#shared/base/duration.ts";
import { errorText } from "#shared/base/fault.ts";
import { agentWorkersMax, drainMsDefault, durationMsMax } from "#shared/base/limits.ts";

import { readControlUrl } from "../control-link/control-url.ts";
import type { Driver } from "../engine/engine.ts";
import type { AccessLogTarget } from "../runtime/access-log.ts";
import { logLevels, type LogLevel } from "../runtime/log-level.ts";
import type { Options } from "./command-line.ts";

/** Variables of the environment by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

const adminDefault = "127.0.0.1:9901";

/** Reads settings one by one, and collects what is wrong, so that one run names everything. */
export class SettingsReader {
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

  /** The control plane may have moved since the node joined. */
  movedControl(): URL | undefined {
    return this.#text("control") === undefined ? undefined : this.control();
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

  /** Undefined: the native engine where it loads. */
  relay(): Driver | undefined {
    const given = this.#text("relay");
    if (given === undefined || given === "portable" || given === "native") return given;
    return this.problem(`--relay: ${given} is not an engine; there are portable and native`);
  }

  /** For whoever keeps the addon elsewhere, or builds it another way. */
  addonFile(): string | undefined {
    const given = this.#environment["MIDSTREAM_NATIVE_ADDON"];
    return given === undefined || given === "" ? undefined : resolve(given);
  }

  admin(): { readonly host: string; readonly port: number } | undefined {
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

  /** Where lines of access logs go, of balancers that ask for one. */
  accessLog(): AccessLogTarget {
    const given = this.#text("access-log") ?? "log";
    if (given === "log" || given === "off") return { kind: given };
    return { kind: "file", path: resolve(given) };
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
